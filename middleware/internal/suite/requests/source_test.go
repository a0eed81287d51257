package requests_test

import (
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

func withSources(t testing.TB, sources ...middleware.TokenSource) *middleware.Validator {
	return kit.NewValidator(t, func(cfg *middleware.Config) { cfg.TokenSources = sources })
}

func TestHeaderSource(t *testing.T) {
	v := withSources(t, middleware.FromHeader("cf-access-jwt-assertion"))
	good := kit.Mint(kit.GoodClaims(nil))
	for _, row := range []struct {
		name, want string
		header     http.Header
	}{
		{"a bare token", "200", kit.Fields("Cf-Access-Jwt-Assertion", good)},
		{"an empty field is no token", "401", kit.Fields("Cf-Access-Jwt-Assertion", "")},
		{"a bad token", "401 invalid_token", kit.Fields("Cf-Access-Jwt-Assertion", "bad")},
		{"the scheme before the token", "200", kit.Fields("Cf-Access-Jwt-Assertion", "Bearer "+good)},
		{"the scheme in small letters and two spaces", "200", kit.Fields("Cf-Access-Jwt-Assertion", "bearer  "+good)},
		{"a scheme and nothing behind it", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", "Bearer ")},
		{"a scheme alone", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", "Bearer")},
		{"another scheme before the token", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", "Basic "+good)},
		{"two schemes before the token", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", "Bearer Bearer "+good)},
		{"the field twice, once past the proxy", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", good, "Cf-Access-Jwt-Assertion", good)},
		{"a token in the Authorization field as well", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", good, "Authorization", "Bearer "+good)},
		{"a bad token hidden behind a good one", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", good, "Authorization", "Bearer bad")},
		{"space after the token, as no HTTP/1 parser leaves it", "400 invalid_request", kit.Fields("Cf-Access-Jwt-Assertion", good+" ")},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := kit.Serve(v.Require(), kit.Request("GET", row.header)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
}
