package revocation_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// BenchmarkRepeatedToken is the whole decision about one of a thousand tokens that are cached: without Revocations, with a List of a hundred thousand entries
// that is quiet, and with one that gets ten thousand more a second, so that every token is looked up each time.
func BenchmarkRepeatedToken(b *testing.B) {
	issuer := authtest.NewIssuer(b)
	var requests []*http.Request
	for i := range 1000 {
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{
			"aud": "https://api.example.com", "sid": fmt.Sprint("s", i), "client_id": "c", "jti": fmt.Sprint("j", i),
		}))
		requests = append(requests, r)
	}
	decide := func(b *testing.B, lists ...middleware.Revocations) {
		cfg := issuer.Config("https://api.example.com")
		cfg.Revocations, cfg.Logger = lists, silent
		auth, err := middleware.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		defer auth.Close()
		guard := auth.Require()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := guard.Check(requests[i%len(requests)]); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("no revocations", func(b *testing.B) { decide(b) })
	store := storetest.NewMemory()
	list, other := instance(b, store), instance(b, store)
	if err := list.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	fill(b, other, 100_000)
	for list.Status().Entries < 100_000 {
		time.Sleep(time.Millisecond)
	}
	b.Run("quiet", func(b *testing.B) { decide(b, list) })
	b.Run("busy", func(b *testing.B) {
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); revokeTenThousandASecond(ctx, list) }()
		decide(b, list)
		stop()
		<-ended
	})
}

// revokeTenThousandASecond revokes in lots of ten.
func revokeTenThousandASecond(ctx context.Context, list *revocation.List) {
	for i := 0; ctx.Err() == nil; i++ {
		_ = list.Revoke(ctx, revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: fmt.Sprint("new ", i)})
		if i%10 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
