package measure

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
)

// crowd is a number of goroutines that judge tokens at the same time.
type crowd struct {
	verify  func(*http.Request) (any, error)
	members []*requests
}

// crowded times verify under size goroutines. Every look-up is of a token that pick chooses.
func crowded(name string, size int, verify func(*http.Request) (any, error), pick func() string) pairing.Case {
	c := &crowd{verify: verify}
	for range size {
		c.members = append(c.members, newRequestsBy(0, func(int) string { return pick() }))
	}
	return pairing.Case{Name: name, Prepare: c.prepare, Run: func(n int) { c.run(name, n) }}
}

// share is how many of n operations fall to a member.
func (c *crowd) share(member, n int) int {
	share := n / len(c.members)
	if member < n%len(c.members) {
		share++
	}
	return share
}

func (c *crowd) prepare(n int) {
	for at, q := range c.members {
		q.grow(c.share(at, n))
		q.renew(n)
	}
}

func (c *crowd) run(name string, n int) {
	errs := make([]error, len(c.members))
	var wg sync.WaitGroup
	for at, q := range c.members {
		wg.Go(func() {
			for i := range c.share(at, n) {
				if _, err := c.verify(q.at(i)); err != nil {
					errs[at] = err
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			panic(fmt.Sprintf("benchmark: %s refuses a good token: %v", name, err))
		}
	}
}
