package measure

import (
	"net/http"
	"net/http/httptest"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
)

// ringSize is small enough for the tokens to be in the CPU's cache, as those of a request that was just read are.
const ringSize = 64

// requests are ready to be judged. Each carries a copy of its token that nobody has seen: text that is compared with
// itself is equal at the first glance, which would flatter whoever keeps the token.
type requests struct {
	ring  []*http.Request
	token func(at int) string
}

// newRequests takes the tokens by turns.
func newRequests(tokens ...string) *requests {
	return newRequestsBy(ringSize, func(at int) string { return tokens[at%len(tokens)] })
}

func newRequestsBy(size int, token func(at int) string) *requests {
	q := &requests{token: token}
	q.grow(size)
	return q
}

func (q *requests) grow(size int) {
	for len(q.ring) < size {
		q.ring = append(q.ring, newRequest())
	}
}

func newRequest() *http.Request {
	r := httptest.NewRequest(http.MethodGet, peer.Path, nil)
	r.Header["Authorization"] = make([]string, 1)
	return r
}

// renew makes new copies of the tokens.
func (q *requests) renew(int) {
	for at, r := range q.ring {
		r.Header["Authorization"][0] = "Bearer " + q.token(at)
	}
}

func (q *requests) at(i int) *http.Request { return q.ring[i%len(q.ring)] }
