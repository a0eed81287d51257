package attacks_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// CVE-2026-33496, CVE-2021-32701, GHSA-qvp4-rpmr-xwrr: a cached answer passed a policy that had never judged it. Three policies, three tokens, one cache.
func TestCachedAnswerIsJudgedByEveryPolicy(t *testing.T) {
	names := []string{"orders", "billing", "stock"}
	for _, difference := range []struct {
		what    string
		answer  func(name string) kit.Claims
		policy  func(cfg *middleware.Config, name string)
		guard   func(v *middleware.Validator, name string) *middleware.Guard
		refused string
	}{
		{"the audience", func(name string) kit.Claims { return kit.Claims{"aud": name} },
			func(cfg *middleware.Config, name string) { cfg.Audiences = []string{name} },
			func(v *middleware.Validator, _ string) *middleware.Guard { return v.Require() }, kit.BadToken},
		{"the issuer", func(name string) kit.Claims { return kit.Claims{"iss": "https://" + name + ".example.com"} },
			func(cfg *middleware.Config, name string) { cfg.Issuers[0].URL = "https://" + name + ".example.com" },
			func(v *middleware.Validator, _ string) *middleware.Guard { return v.Require() }, kit.BadToken},
		{"the client", func(name string) kit.Claims { return kit.Claims{"client_id": name} },
			func(cfg *middleware.Config, name string) { cfg.Issuers[0].AllowedClients = []string{name} },
			func(v *middleware.Validator, _ string) *middleware.Guard { return v.Require() }, kit.BadToken},
		{"the scope", func(name string) kit.Claims { return kit.Claims{"scope": name} },
			func(*middleware.Config, string) {},
			func(v *middleware.Validator, name string) *middleware.Guard { return v.Require(name) }, "403 insufficient_scope"},
	} {
		t.Run(difference.what, func(t *testing.T) {
			server := &kit.IntrospectionServer{Answer: func(token string) kit.Claims { return kit.ActiveAnswer(difference.answer(token)) }}
			shared := kit.NewIntrospectionClient(t, server)
			guards := make(map[string]*middleware.Guard)
			for _, name := range names {
				guards[name] = difference.guard(kit.NewValidator(t, func(cfg *middleware.Config) {
					cfg.Issuers[0].Introspector = shared
					difference.policy(cfg, name)
				}), name)
			}
			for round := range 2 {
				for _, policy := range names {
					for _, token := range names {
						want := "200"
						if token != policy {
							want = difference.refused
						}
						if got := kit.Serve(guards[policy], kit.Bearer(token)).String(); got != want {
							t.Errorf("round %d: the token of %s gives %q at %s, want %q", round, token, got, policy, want)
						}
					}
				}
			}
			if n := server.Asked.Load(); n != 3 {
				t.Errorf("the server was asked %d times for 3 tokens, so the cache was not tested", n)
			}
		})
	}
}

// CVE-2026-71326, CVE-2026-33729, CVE-2026-48096, CVE-2026-25536: keys made of parts without their lengths met, and one caller got another's answer.
// Tokens that differ in nothing but where their delimiters stand, asked for at the same time.
func TestTokensThatLookAlikeShareNoAnswer(t *testing.T) {
	server := &kit.IntrospectionServer{Answer: func(token string) kit.Claims { return kit.ActiveAnswer(kit.Claims{"sub": token}) }}
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = kit.NewIntrospectionClient(t, server) })
	tokens := lookalikes("a.~/+-_", 3)
	if len(tokens) != 294 {
		t.Fatalf("%d tokens", len(tokens))
	}
	guard := v.Require("read")
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 3 * len(tokens) {
				token := tokens[(i+worker*7)%len(tokens)] // in step, so that workers meet at the same tokens
				if got := kit.Serve(guard, kit.Bearer(token)); !got.Ran || got.Token.Subject != token {
					t.Errorf("token %q gives %q", token, got)
				}
			}
		})
	}
	all.Wait()
}

// lookalikes are all opaque tokens of at most length characters from the alphabet. Those with an empty segment are no tokens.
func lookalikes(alphabet string, length int) []string {
	all := []string{""}
	for start := 0; length > 0; length-- {
		end := len(all)
		for _, head := range all[start:end] {
			for _, char := range alphabet {
				all = append(all, head+string(char))
			}
		}
		start = end
	}
	return slices.DeleteFunc(all, func(token string) bool {
		return token == "" || strings.HasPrefix(token, ".") || strings.HasSuffix(token, ".") || strings.Contains(token, "..")
	})
}
