package measure

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Lists measures lists of these sizes, each in a process of its own, so that none pays for another's heap. Of the rounds counts the one that was
// disturbed least.
func Lists(ctx context.Context, sizes []int, rounds int) (all []figures.List, err error) {
	for _, n := range sizes {
		p, err := start(ctx, task{Role: "list", Entries: n, Rounds: rounds})
		if err != nil {
			return nil, err
		}
		var one figures.List
		if err := p.end(&one); err != nil {
			return nil, fmt.Errorf("a list of %d entries: %w", n, err)
		}
		all = append(all, one)
	}
	return all, nil
}

const audience = "https://api.example.com"

func measureList(ctx context.Context, n, rounds int) (*figures.List, error) {
	ready()
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return nil, err
	}
	made := &figures.List{Entries: n}
	empty := heap()
	source := newMade(n)
	began := cpu()
	list, err := newList(source, n)
	if err != nil {
		return nil, err
	}
	if err := list.Warm(ctx); err != nil {
		return nil, err
	}
	made.Apply = max(0, (cpu()-began-source.sealing).Seconds()) / float64(n)
	if size := list.Status().Entries; size != n {
		return nil, fmt.Errorf("%d entries arrived of %d", size, n)
	}
	made.PerEntry = (heap() - empty) / float64(n)
	made.Resident = resident() / float64(n)

	lookUps(list, n, rounds, made)
	if err := guards(ctx, issuer, list, rounds, made); err != nil {
		return nil, err
	}
	return made, list.Close()
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// resident is the most memory that this process has had, where the system tells.
func resident() float64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kib * 1024
		}
	}
	return 0
}

// asked is how many tokens take turns, so that a processor's caches do not hold all that a look-up reads.
const asked = 1 << 14

func lookUps(list *revocation.List, n, rounds int, into *figures.List) {
	now := time.Now()
	facts := func(name string, i int) middleware.TokenFacts {
		return middleware.TokenFacts{Issuer: issuerName, ID: name + strconv.Itoa(i), IssuedAt: now, Expiry: now.Add(time.Hour)}
	}
	revoked, good := make([]middleware.TokenFacts, asked), make([]middleware.TokenFacts, asked)
	for i := range asked {
		revoked[i] = facts("t", int(uint64(i)*0x9e3779b1%uint64(n)))
		good[i] = facts("good ", i)
	}
	into.Hit = each(rounds, revoked, func(f middleware.TokenFacts) { list.Judge(f) })
	into.Miss = each(rounds, good, func(f middleware.TokenFacts) { list.Judge(f) })
	next := 0
	into.New = each(rounds, good, func(f middleware.TokenFacts) {
		next++
		f.Expiry = f.Expiry.Add(time.Duration(next))
		f.SessionID = "s" + strconv.Itoa(next)
		list.Judge(f)
	})
}

// each returns the CPU seconds that one call takes: of the rounds the one that was disturbed least.
func each[T any](rounds int, of []T, do func(T)) float64 {
	least := math.Inf(1)
	for range rounds {
		began := cpu()
		for _, one := range of {
			do(one)
		}
		least = min(least, (cpu()-began).Seconds()/float64(len(of)))
	}
	return least
}

// changing is a list of which something has changed each time that it is asked.
type changing struct {
	*revocation.List
	version *uint64
}

func (c changing) Version() uint64 { *c.version++; return *c.version }

func guards(ctx context.Context, issuer *authtest.Issuer, list *revocation.List, rounds int, into *figures.List) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, audience, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"aud": audience, "jti": "one"}))
	for _, one := range []struct {
		revocations []middleware.Revocations
		into        *float64
	}{
		{nil, &into.GuardNot},
		{[]middleware.Revocations{list}, &into.Guard},
		{[]middleware.Revocations{changing{list, new(uint64)}}, &into.GuardAll},
	} {
		auth, err := middleware.New(middleware.Config{
			Issuers: []middleware.Issuer{{URL: issuer.URL()}}, Audiences: []string{audience}, Revocations: one.revocations,
		})
		if err != nil {
			return err
		}
		guard := auth.Require()
		var refused error
		*one.into = each(rounds, make([]struct{}, asked), func(struct{}) {
			if _, err := guard.Check(r); err != nil {
				refused = err
			}
		})
		if refused != nil {
			return refused
		}
	}
	return nil
}

// quiet is a logger's end.
var quiet = io.Discard
