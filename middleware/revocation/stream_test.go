package revocation_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// A stream ends when its token is revoked, with a cause of its own, and leaves nothing behind.
func TestStreamsEndWhenTheirTokenIsRevoked(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	list := newList(t, revocation.Config{})
	cfg := issuer.Config(audience)
	cfg.Revocations, cfg.Logger = []middleware.Revocations{neverTells{}, list}, silent
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	admit := func(claims authtest.Claims) context.Context {
		r := httptest.NewRequest(http.MethodGet, "/stream", nil)
		r.Header.Set("Authorization", "Bearer "+issuer.Token(claims))
		ctx, err := auth.Require().Check(r)
		if err != nil {
			t.Fatal(err)
		}
		return ctx
	}
	alice, bob := admit(authtest.Claims{"sub": "alice", "jti": "a"}), admit(authtest.Claims{"sub": "bob", "jti": "b"})
	streamA, stopA := middleware.ContextWithExpiry(alice)
	defer stopA()
	streamB, stopB := middleware.ContextWithExpiry(bob)
	if got := list.Status().Streams; got != 2 {
		t.Errorf("%d streams listen", got)
	}
	token, _ := middleware.TokenFromContext(alice)
	if err := list.Revoke(t.Context(), revocation.BySubject(token, time.Time{})); err != nil {
		t.Fatal(err)
	}
	<-streamA.Done()
	if got := context.Cause(streamA); got != middleware.ErrRevoked {
		t.Errorf("the cause is %v", got)
	}
	if streamB.Err() != nil {
		t.Error("the stream of another user ended")
	}
	stopB()
	if got := context.Cause(streamB); got != context.Canceled {
		t.Errorf("a stream that was closed has the cause %v", got)
	}
	late, stop := middleware.ContextWithExpiry(alice) // revoked between the decision and the stream
	defer stop()
	if got := context.Cause(late); got != middleware.ErrRevoked {
		t.Errorf("a stream of a revoked token: %v", got)
	}
}

// neverTells is a Revocations without Notify, which a stream does not hear from.
type neverTells struct{}

func (neverTells) Judge(middleware.TokenFacts) middleware.Verdict {
	return middleware.Verdict{AsOf: time.Now()}
}

func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newList(t, revocation.Config{})
		calls := 0
		stop := l.Notify(facts(), func() { calls++ })
		other := l.Notify(
			but(func(f *middleware.TokenFacts) { *f = middleware.TokenFacts{Issuer: "https://i"} }),
			func() { t.Error("a token without any value was hit") },
		)
		for _, e := range []revocation.Entry{
			{Kind: revocation.Token, Issuer: "https://i", Value: "k"},
			{Kind: revocation.Token, Issuer: "https://k", Value: "j"},
			{Kind: revocation.Subject, Issuer: "https://i", Value: "u", IssuedBefore: at(-3600)},
		} {
			if err := l.Revoke(t.Context(), e); err != nil || calls > 0 {
				t.Errorf("%v: %v, %d calls", e, err, calls)
			}
		}
		for range 2 {
			if err := l.Revoke(t.Context(), revocation.Entry{Kind: revocation.Session, Issuer: "https://i", Value: "s"}); err != nil || calls != 1 {
				t.Errorf("%v, %d calls, want one", err, calls)
			}
		}
		stop()
		stop()
		other()
		if got := l.Status().Streams; got != 0 {
			t.Errorf("%d streams are left", got)
		}
	})
}

// Streams cost whoever revokes a look-up, however many there are.
func BenchmarkRevokeUnderStreams(b *testing.B) {
	for _, streams := range []int{0, 10_000} {
		b.Run(fmt.Sprint(streams), func(b *testing.B) {
			l := newList(b, revocation.Config{MaxEntries: 1 << 24})
			for i := range streams {
				defer l.Notify(but(func(f *middleware.TokenFacts) { f.ID, f.SessionID, f.Subject = fmt.Sprint(i), "", fmt.Sprint(i) }), func() {})()
			}
			for i := range b.N {
				if err := l.Revoke(b.Context(), revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: fmt.Sprint("other ", i)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
