package reports_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// textInto is a Logger that writes every level, without the time.
func textInto(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// linesOf are the lines of a log that speak of refusals.
func linesOf(b *kit.Log) []string {
	return strings.Split(strings.TrimSpace(b.String()), "\n")
}

// A scanner sends what it likes as often as it likes: other paths, issuers, kids and algorithms each time. It gets a bounded number of lines,
// and the last of them say how many there would have been.
func TestAFloodWritesABoundedNumberOfLines(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = textInto(&b) })
	guard := v.Require("read")
	const each = 500
	sent := 0
	for i := range each {
		for _, token := range []string{
			kit.Mint(kit.GoodClaims(kit.Claims{"iss": fmt.Sprint("https://login.example/", i)})),
			testkit.Sign(fmt.Sprintf(`{"alg":"EdDSA","kid":"kid-%d"}`, i), string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
			testkit.Sign(fmt.Sprintf(`{"alg":"X%d"}`, i), string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
			kit.Mint(kit.GoodClaims(kit.Claims{"aud": fmt.Sprint("api-", i), "sub": fmt.Sprint("user-", i), "client_id": fmt.Sprint("client-", i)})),
			fmt.Sprint("opaque-", i),
		} {
			r := kit.Bearer(token)
			r.RequestURI, r.Method, r.RemoteAddr = fmt.Sprint("/path/", i), fmt.Sprint("M", i), fmt.Sprintf("10.0.%d.%d:80", i/256, i%256)
			kit.Serve(guard, r)
			sent++
		}
	}
	if lines := linesOf(&b); len(lines) > 100 {
		t.Errorf("%d refusals of five kinds make %d lines", sent, len(lines))
	}
	_ = v.Close()
	written, unwritten := countedIn(t, &b)
	if written+unwritten != sent {
		t.Errorf("%d refusals were written and %d are said not to have been, want %d together", written, unwritten, sent)
	}
}

// The route is the router's pattern, or else what the route needs: a flood of one hides nothing of another.
func TestAFloodHidesNoOtherRoute(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = textInto(&b) })
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", v.Require("read").Handler(http.NotFoundHandler()))
	mux.Handle("GET /items/{id}", v.Require("read").Handler(http.NotFoundHandler()))
	send := func(path string) {
		r := kit.Request("GET", nil)
		r.URL.Path, r.RequestURI = path, path
		kit.AnswerTo(mux, r)
	}
	for i := range 1000 {
		send(fmt.Sprint("/orders/", i))
	}
	b.Reset()
	send("/items/1")
	if got := b.String(); !strings.Contains(got, `path=/items/1 route="GET /items/{id}"`) {
		t.Errorf("after a flood of another route the line is %q", got)
	}
	b.Reset()
	for range 1000 {
		kit.Serve(v.Require("read"), kit.Request("GET", nil))
	}
	if n := len(linesOf(&b)); n > 10 {
		t.Errorf("Guards that are made for each request make %d lines", n)
	}
	b.Reset()
	kit.Serve(v.Require("write"), kit.Request("GET", nil))
	if b.Len() == 0 {
		t.Error("without a pattern, a flood of one Guard hides another's refusal")
	}
}

// Refusals come from many goroutines at once, and so do explanations; the numbers add up all the same.
func TestAFloodFromManySides(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = textInto(&b) })
	guard := v.Require("admin").AnyRole("owner")
	const sides, each = 8, 200
	var all sync.WaitGroup
	for range sides {
		all.Go(func() {
			for range each {
				kit.Serve(guard, kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 60}))))
			}
			explained(guard, kit.Bearer("x"))
		})
	}
	all.Wait()
	_ = v.Close()
	written, unwritten := countedIn(t, &b)
	if written+unwritten != sides*each || written > 20 {
		t.Errorf("%d lines and %d counted, want %d together and few lines", written, unwritten, sides*each)
	}
}

// countedIn is how many refusals a log has written, and how many it says that it has left out.
func countedIn(t *testing.T, b *kit.Log) (written, unwritten int) {
	t.Helper()
	for _, line := range linesOf(b) {
		if strings.Contains(line, `msg="access token not accepted"`) {
			written++
		}
		if _, number, found := strings.Cut(line, "unwritten="); found {
			var n int
			if _, err := fmt.Sscan(number, &n); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			unwritten += n
		}
	}
	return written, unwritten
}

// What is refused while nobody listens at its level is not counted as something that was left out.
func TestALevelThatIsOffIsNotCounted(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	for range 100 {
		kit.Serve(v.Require(), kit.Request("GET", nil))
	}
	_ = v.Close()
	if b.Len() > 0 {
		t.Errorf("%s", &b)
	}
}

// BenchmarkRefusals compares what a flood costs with a Logger and without, in one run: beyond the first lines it is to cost no more than half
// as much again.
func BenchmarkRefusals(b *testing.B) {
	for _, row := range []struct{ name, token string }{
		{"no token", ""},
		{"opaque", "opaque"},
		{"unknown issuer", kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://other.example"}))},
		{"expired", kit.Mint(kit.GoodClaims(kit.Claims{"exp": 1}))},
	} {
		for _, way := range []struct {
			name   string
			logger *slog.Logger
		}{{"silent", slog.New(slog.DiscardHandler)}, {"logged", slog.New(slog.NewTextHandler(io.Discard, nil))}} {
			b.Run(row.name+"/"+way.name, func(b *testing.B) {
				guard := kit.NewValidator(b, func(cfg *middleware.Config) { cfg.Logger = way.logger }).Require("read")
				r := kit.Request("GET", nil)
				if row.token != "" {
					r = kit.Bearer(row.token)
				}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := guard.Check(r); err == nil {
						b.Fatal("it is admitted")
					}
				}
			})
		}
	}
}

// The facts of a refusal stand in the Decision as they stand in the log.
func TestDecisionHoldsBothSides(t *testing.T) {
	var d middleware.Decision
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Observe = kit.ObserveInto(&d)
		cfg.Issuers[0].Claims.Roles = []string{"roles"}
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", v.Require("read").AnyRole("admin", "owner").Handler(http.NotFoundHandler()))
	r := kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"roles": []string{"user"}})))
	r.RequestURI = "/orders?access_token=secret"
	kit.AnswerTo(mux, r)
	for _, row := range []struct{ name, got, want string }{
		{"Method", d.Method, "GET"},
		{"Path", d.Path, "/orders"},
		{"Route", d.Route, "GET /orders"},
		{"Peer", d.Peer, r.RemoteAddr},
		{"Scopes", d.Scopes.String(), "read"},
		{"Roles", d.Roles.String(), "admin owner"},
		{"Got", d.Got, "roles 'user' in claim 'roles'"},
		{"Expected", d.Expected, "role one of 'admin', 'owner'"},
		{"Verified", fmt.Sprint(d.Verified), "true"},
		{"Err", d.Err.Error(), "middleware: insufficient_scope: role"},
	} {
		if row.got != row.want {
			t.Errorf("%s is %q, want %q", row.name, row.got, row.want)
		}
	}
	kit.AnswerTo(mux, kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"roles": []string{"admin"}}))))
	if d.Outcome != middleware.Allowed || d.Got+d.Expected+d.Hint != "" || !d.Verified || d.Path != "/orders" {
		t.Errorf("an admitted request: %+v", d)
	}
	kit.AnswerTo(mux, kit.Bearer(testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())))
	if d.Verified {
		t.Error("a forged token is called verified")
	}
}

// Who it was stands in the log only where that was asked for.
func TestSubjectsAreLoggedOnRequest(t *testing.T) {
	for _, asked := range []bool{false, true} {
		var b kit.Log
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger, cfg.LogSubjects = textInto(&b), asked })
		kit.Serve(v.Require("admin"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
		for _, attr := range []string{"peer=192.0.2.1:1234", "subject=user-1", "token_id=token-1"} {
			if strings.Contains(b.String(), attr) != asked {
				t.Errorf("LogSubjects is %t, and the line is %s", asked, &b)
			}
		}
	}
}

// A path is shown without its query, and without what looks like a token in it.
func TestPathsOfRefusals(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.Claims{"aud": "other"}))
	for target, want := range map[string]string{
		"/orders":                           "/orders",
		"/orders?token=x":                   "/orders",
		"/orders#x":                         "/orders",
		"https://user:pass@host/orders?x":   "/orders",
		"https://host":                      "/",
		"*":                                 "*",
		"/api/" + token:                     "(not shown: it holds the token)",
		"/reset/eyJhbGciOiJub25lIn0.e30.AA": "/reset/(not shown)",
		"/a\x1b[2J\n":                       `/a\x1b[2J\n`,
		"/" + strings.Repeat("a", 1000):     "/" + strings.Repeat("a", 111) + "... (1001 bytes)",
	} {
		var d middleware.Decision
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Observe = kit.ObserveInto(&d) })
		_, _ = v.Require().Authorize(context.Background(), middleware.Credentials{Header: kit.Fields("Authorization", "Bearer "+token), Target: target})
		if d.Path != want {
			t.Errorf("%.60q: path is %q, want %q", target, d.Path, want)
		}
	}
}
