package faults_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// boundary is a claim that lies so many seconds from now.
type boundary struct {
	claim  string
	offset int
	accept bool
}

// The leeway is 30 seconds. exp is over when it is reached (RFC 7519 section 4.1.4); nbf and iat hold from their second on. The
// route wants an authentication of at most a minute ago.
var boundaries = []boundary{
	{"exp", -31, false}, {"exp", -30, false}, {"exp", -29, true}, {"exp", 0, true}, {"exp", 30, true}, {"exp", 31, true},
	{"nbf", -31, true}, {"nbf", -30, true}, {"nbf", 0, true}, {"nbf", 30, true}, {"nbf", 31, false},
	{"iat", -31, true}, {"iat", -30, true}, {"iat", 0, true}, {"iat", 30, true}, {"iat", 31, false},
	{"auth_time", -91, false}, {"auth_time", -90, true}, {"auth_time", -31, true}, {"auth_time", 0, true}, {"auth_time", 30, true}, {"auth_time", 31, false},
}

// Every date is judged to the second, in every framework alike, and no more kindly for a token that is in the cache.
func TestDatesAreJudgedToTheSecond(t *testing.T) {
	for _, b := range boundaries {
		for _, cached := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s %+ds, cached %v", b.claim, b.offset, cached), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					var clock atomic.Int64 // seconds after the start of the bubble
					dates := map[string]any{"auth_time": began.Unix(), "iat": began.Add(-2 * time.Hour).Unix(), "exp": began.Add(2 * time.Hour).Unix()}
					dates[b.claim] = began.Unix() + int64(b.offset)
					ripe := b.offset // a moment at which the token is good, in seconds from now, to get it into the cache
					if b.claim == "exp" {
						ripe = -3600
						dates["auth_time"] = began.Unix() - 3600
					}
					o := newOracle()
					o.claims = dates
					stock := newStock(t, o, introspection.Config{ActiveTTL: time.Hour}, func(cfg *middleware.Config) {
						cfg.Clock = func() time.Time { return began.Add(time.Duration(clock.Load()) * time.Second) }
						if !cached {
							cfg.TokenCache.Entries = -1
						}
					})
					guard := stock.validator.Require()
					if b.claim == "auth_time" {
						guard = guard.MaxAge(time.Minute)
					}
					for _, token := range []string{o.jwt(dates), "good.one"} {
						if cached {
							clock.Store(int64(ripe))
							if status, _ := serve(guard.HandlerFunc(tellSubject), requestWith(t.Context(), token)); status != http.StatusOK {
								t.Fatalf("status %d when the token was in its time", status)
							}
						}
						clock.Store(0)
						want := http.StatusUnauthorized
						if b.accept {
							want = http.StatusOK
						}
						for name, handler := range inEveryFramework(guard) {
							for range 2 {
								if status, _ := serve(handler, requestWith(t.Context(), token)); status != want {
									t.Errorf("%s: status %d, want %d", name, status, want)
								}
							}
						}
					}
				})
			})
		}
	}
}

// inEveryFramework puts the guard before the same handler in each of them.
func inEveryFramework(guard *middleware.Guard) map[string]http.Handler {
	inEcho := echo.New()
	inEcho.GET("/orders", echo.WrapHandler(http.HandlerFunc(tellSubject)), echoauth.Middleware(guard))
	gin.SetMode(gin.ReleaseMode)
	inGin := gin.New()
	inGin.GET("/orders", ginauth.Middleware(guard), gin.WrapF(tellSubject))
	return map[string]http.Handler{"net/http": guard.HandlerFunc(tellSubject), "Echo": inEcho, "Gin": inGin}
}
