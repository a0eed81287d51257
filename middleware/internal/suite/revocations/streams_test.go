package revocations_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// knowing is a Revocations whose answers change while streams run.
type knowing struct {
	mu   sync.Mutex
	kind string
	asOf time.Time
}

func (k *knowing) learn(kind string, asOf time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kind, k.asOf = kind, asOf
}

func (k *knowing) Judge(middleware.TokenFacts) middleware.Verdict {
	k.mu.Lock()
	defer k.mu.Unlock()
	return middleware.Verdict{Kind: k.kind, AsOf: k.asOf}
}

// telling tells streams itself, and says how many listen.
type telling struct {
	knowing
	listening int
}

func (t *telling) Notify(middleware.TokenFacts, func()) func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listening++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.listening--
	}
}

func stream(t *testing.T, guard *middleware.Guard, r *http.Request) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, err := guard.Check(r)
	if err != nil {
		t.Fatal(err)
	}
	return middleware.ContextWithExpiry(ctx)
}

// Streams end when their token is revoked, and when what is known of revocations is older than it may be.
func TestStreamsEndByWhatIsKnown(t *testing.T) {
	for _, row := range []struct {
		name   string
		within time.Duration
		route  time.Duration // limit of the Guard
		nested time.Duration // limit of a Guard inside it
		then   func(k *knowing)
		want   error
		after  time.Duration // at the latest
	}{
		{"revoked, and nobody tells", 0, 0, 0, func(k *knowing) { k.learn("status", time.Now()) }, middleware.ErrRevoked, time.Second},
		{"knowledge becomes old", 2 * time.Second, 0, 0, func(*knowing) {}, middleware.ErrUnavailable, 3 * time.Second},
		{"it becomes old for the route", time.Hour, 2 * time.Second, 0, func(*knowing) {}, middleware.ErrUnavailable, 3 * time.Second},
		{"it becomes old for a Guard inside", time.Hour, 0, 2 * time.Second, func(*knowing) {}, middleware.ErrUnavailable, 3 * time.Second},
		{"it is lost", time.Hour, 0, 0, func(k *knowing) { k.learn("", time.Time{}) }, middleware.ErrUnavailable, time.Second},
		{"it becomes old, and there is no limit", 0, 0, 0, func(*knowing) {}, nil, 0},
		{"it is lost, and there is no limit", 0, 0, 0, func(k *knowing) { k.learn("", time.Time{}) }, nil, 0},
		{"it is younger than the limit", time.Hour, 0, 0, func(*knowing) {}, nil, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &knowing{asOf: time.Now()}
				guard := kit.NewValidator(t, func(cfg *middleware.Config) {
					cfg.Revocations, cfg.RevocationsWithin = []middleware.Revocations{k}, row.within
				}).Require()
				if row.route > 0 {
					guard = guard.RevocationsWithin(row.route)
				}
				r := kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
				if row.nested > 0 {
					ctx, err := guard.Check(r)
					if err != nil {
						t.Fatal(err)
					}
					r, guard = r.WithContext(ctx), guard.RevocationsWithin(row.nested)
				}
				ctx, stop := stream(t, guard, r)
				defer stop()
				row.then(k)
				if row.want == nil {
					time.Sleep(time.Minute)
					if ctx.Err() != nil {
						t.Errorf("it ended by %v", context.Cause(ctx))
					}
					return
				}
				select {
				case <-ctx.Done():
				case <-time.After(row.after):
					t.Fatalf("it has not ended after %v", row.after)
				}
				if got := context.Cause(ctx); got != row.want {
					t.Errorf("it ended by %v, want %v", got, row.want)
				}
			})
		})
	}
}

// Who tells by itself is not asked again and again unless there is a limit, and hears when a stream is over.
func TestStreamsListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := &telling{knowing: knowing{asOf: time.Now()}}
		guard := kit.NewValidator(t, kit.SetRevocations(told)).Require()
		ctx, stop := stream(t, guard, kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
		if told.listening != 1 {
			t.Errorf("%d listen", told.listening)
		}
		told.learn("token", time.Now()) // without telling
		time.Sleep(time.Minute)
		if ctx.Err() != nil {
			t.Error("it was asked all the same")
		}
		stop()
		synctest.Wait()
		if told.listening != 0 {
			t.Errorf("%d listen after the stream has ended", told.listening)
		}
		late, stopLate := middleware.ContextWithExpiry(admittedBy(t, guard, told))
		defer stopLate()
		if context.Cause(late) != middleware.ErrRevoked {
			t.Error("what was revoked between the decision and the stream is not seen")
		}
	})
}

// admittedBy admits a request, and revokes its token afterwards.
func admittedBy(t *testing.T, guard *middleware.Guard, k *telling) context.Context {
	t.Helper()
	k.learn("", time.Now())
	ctx, err := guard.Check(kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
	if err != nil {
		t.Fatal(err)
	}
	k.learn("token", time.Now())
	return ctx
}

// overtaken learns of a revocation, and that it is up to date again, between two questions.
type overtaken struct {
	versioned
	armed bool
}

func (o *overtaken) Version() uint64 {
	version := o.version
	if o.armed {
		o.version, o.kind, o.asOf = version+1, "subject", time.Now()
	}
	return version
}

// A token is not let in by an old answer that a new age makes look young.
func TestAgeIsNotOfLaterKnowledgeThanTheAnswer(t *testing.T) {
	kit.NeedsCache(t)
	synctest.Test(t, func(t *testing.T) {
		o := &overtaken{versioned: versioned{asOf: time.Now()}}
		guard := kit.NewValidator(t, kit.SetRevocations(o)).Require().RevocationsWithin(2 * time.Second)
		r := kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
		if got := kit.OutcomeOf(guard, r); got != "200" {
			t.Fatal(got)
		}
		time.Sleep(10 * time.Second)
		o.armed = true
		if got := kit.OutcomeOf(guard, r); got != "503" {
			t.Errorf("a token that was revoked while nothing was heard of the Store: %s", got)
		}
	})
}

// warming must be warmed.
type warming struct {
	versioned
	err error
}

func (w *warming) Warm(ctx context.Context) error {
	if w.err != nil {
		return w.err
	}
	if _, limited := ctx.Deadline(); !limited {
		return errors.New("there is no limit")
	}
	w.asOf = time.Now()
	return nil
}

func TestHealthAndWarmKnowOfRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, current := &warming{err: errors.New("out of reach")}, &versioned{asOf: time.Now()}
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Revocations = []middleware.Revocations{w, current, kit.Verdicts(good)}
			cfg.RevocationsWithin = 2 * time.Second
		})
		if err := v.Warm(t.Context()); !errors.Is(err, w.err) {
			t.Errorf("Warm: %v", err)
		}
		if h := v.Health()[0]; h.Ready || !h.RevocationsAsOf.IsZero() {
			t.Errorf("before anything is known: %v, as of %v", h.Ready, h.RevocationsAsOf)
		}
		w.err = nil
		if err := v.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h := v.Health()[0]; !h.Ready || !h.RevocationsAsOf.Equal(w.asOf) {
			t.Errorf("when it is warm: %v, as of %v", h.Ready, h.RevocationsAsOf)
		}
		known := w.asOf
		time.Sleep(time.Second)
		current.asOf = time.Now()
		if h := v.Health()[0]; !h.RevocationsAsOf.Equal(known) {
			t.Errorf("the oldest does not count: as of %v", h.RevocationsAsOf)
		}
		time.Sleep(2 * time.Second)
		current.asOf = time.Now()
		if v.Health()[0].Ready {
			t.Error("it is ready by what is older than it may be")
		}
	})
	for _, asOf := range []time.Time{time.Now().Add(-time.Hour), {}} {
		unlimited := kit.NewValidator(t, kit.SetRevocations(&versioned{asOf: time.Now()}, &versioned{asOf: asOf})).Health()[0]
		if unlimited.Ready != !asOf.IsZero() || !unlimited.RevocationsAsOf.Equal(asOf) {
			t.Errorf("without a limit, when one knows all as of %v: %v, as of %v", asOf, unlimited.Ready, unlimited.RevocationsAsOf)
		}
	}
}

// What looks at streams runs where no request is that net/http would end: a panic there ends the stream, and not the process.
func TestAPanicOverAStreamEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log kit.Log
		var broken atomic.Bool
		auth := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Revocations = []middleware.Revocations{kit.Verdicts(func(f middleware.TokenFacts) middleware.Verdict {
				if broken.Load() {
					panic("a secret")
				}
				return good(f)
			})}
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		ctx, cancel := stream(t, auth.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
		defer cancel()
		broken.Store(true)
		time.Sleep(time.Second)
		if cause := context.Cause(ctx); !errors.Is(cause, middleware.ErrUnavailable) {
			t.Errorf("the stream ended with %v", cause)
		}
		if said := log.String(); !strings.Contains(said, "panic=string") || strings.Contains(said, "secret") {
			t.Errorf("the log is %s", said)
		}
	})
}
