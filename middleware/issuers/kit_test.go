package issuers_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

type (
	claims = testkit.Claims
	header = testkit.Claims
)

const api = testkit.Audience

// sheet is one preset with a token of its provider's documented shape, under a key of ours.
type sheet struct {
	issuer middleware.Issuer
	alg    string // zero: RS256
	header header // beside alg and kid
	good   claims // beside iat and exp; iss is the issuer's URL if it is not here
	source string // the header field of the token; zero: Authorization

	subject, client string   // what the good token says
	scopes, roles   []string // those that it has, among others perhaps

	rows map[string]row
}

// row is the good token with something changed; nil takes a claim away.
type row struct {
	claims claims
	header header
	want   middleware.Reason // "": it is let in
}

func (s sheet) run(t *testing.T) {
	t.Helper()
	if s.issuer.Err != nil {
		t.Fatal(s.issuer.Err)
	}
	s.issuer.JWKSURI, s.issuer.Keys = "", testkit.KeySet()
	guard := s.guard(t)

	tok, err := s.call(guard, s.sign(row{}))
	if err != nil {
		t.Fatalf("the good token is refused: %v", explained(err))
	}
	if tok.Subject != s.subject || tok.ClientID != s.client {
		t.Errorf("subject is %q and client %q, want %q and %q", tok.Subject, tok.ClientID, s.subject, s.client)
	}
	if !holds(tok.Scopes, s.scopes) || !holds(tok.Roles, s.roles) {
		t.Errorf("scopes are %q and roles %q, want %q and %q", tok.Scopes, tok.Roles, s.scopes, s.roles)
	}
	rows := s.everywhere()
	maps.Copy(rows, s.rows)
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			tok, err := s.call(guard, s.sign(r))
			if got := reasonOf(err); got != r.want {
				t.Errorf("reason is %q, want %q (%v)", got, r.want, explained(err))
			}
			if tok != nil && r.want != "" {
				t.Error("a refused request has a token")
			}
		})
	}
}

// holds wants all of these, and nothing where there are none.
func holds(set middleware.Set, want []string) bool {
	if len(want) == 0 {
		return set.Len() == 0
	}
	return set.HasAll(want...)
}

// everywhere are the rows of every preset.
func (s sheet) everywhere() map[string]row {
	foreign := s.iss() + "/"
	if strings.HasSuffix(s.iss(), "/") {
		foreign = strings.TrimSuffix(s.iss(), "/")
	}
	event := middleware.ReasonTokenType
	if s.header["typ"] == "at+jwt" {
		event = "" // a server that writes it is taken at its word
	}
	return map[string]row{
		"an expired token":                   {claims: claims{"exp": testkit.Now.Add(-time.Hour).Unix()}, want: middleware.ReasonExpired},
		"a token that does not expire":       {claims: claims{"exp": nil}, want: middleware.ReasonMissingClaim},
		"a token of tomorrow":                {claims: claims{"nbf": testkit.Now.Add(time.Hour).Unix()}, want: middleware.ReasonNotYetValid},
		"an iss with a slash more or less":   {claims: claims{"iss": foreign}, want: middleware.ReasonUnknownIssuer},
		"an iss of somebody else":            {claims: claims{"iss": "https://evil.example"}, want: middleware.ReasonUnknownIssuer},
		"an unsigned token":                  {header: header{"alg": "none"}, want: middleware.ReasonAlgorithm},
		"a public key used as a secret":      {header: header{"alg": "HS256"}, want: middleware.ReasonAlgorithm},
		"a token under a key of nobody":      {header: header{"kid": "strange"}, want: middleware.ReasonUnknownKey},
		"a logout token":                     {header: header{"typ": "logout+jwt"}, want: middleware.ReasonTokenType},
		"a token with a confirmation unmet":  {claims: claims{"cnf": claims{"jkt": strings.Repeat("A", 43)}}, want: middleware.ReasonConfirmation},
		"a token with a back-channel event":  {claims: claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}}, want: event},
		"a token of another audience":        {claims: claims{"aud": "https://other.example"}, want: s.otherAudience()},
		"a DPoP proof in the place of token": {header: header{"typ": "dpop+jwt"}, want: middleware.ReasonTokenType},
	}
}

// otherAudience is what becomes of a foreign aud: nothing where aud is not what the preset relies on.
func (s sheet) otherAudience() middleware.Reason {
	if len(s.issuer.AllowedClients) > 0 || s.issuer.DangerouslyNoAudience {
		return ""
	}
	return middleware.ReasonAudience
}

func (s sheet) iss() string {
	if iss, ok := s.good["iss"].(string); ok {
		return iss
	}
	return s.issuer.URL
}

func (s sheet) guard(t *testing.T) *middleware.Guard {
	t.Helper()
	cfg := middleware.Config{
		Issuers: []middleware.Issuer{s.issuer},
		Clock:   func() time.Time { return testkit.Now },
		Logger:  slog.New(slog.DiscardHandler),
	}
	if len(s.issuer.Audiences) == 0 {
		cfg.Audiences = []string{api}
	}
	if s.source != "" {
		cfg.IgnoreAuthorization, cfg.TokenSources = true, []middleware.TokenSource{middleware.FromHeader(s.source)}
	}
	return guardOf(t, cfg)
}

func guardOf(t *testing.T, cfg middleware.Config) *middleware.Guard {
	t.Helper()
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := auth.Close(); err != nil {
			t.Error(err)
		}
	})
	return auth.Require()
}

func (s sheet) sign(r row) string {
	alg := s.alg
	if alg == "" {
		alg = "RS256"
	}
	h := header{"alg": alg, "kid": map[string]string{"RS256": "rsa", "ES256": "p256", "EdDSA": "ed"}[alg]}
	c := claims{"iss": s.issuer.URL, "iat": testkit.Now.Unix(), "exp": testkit.Now.Add(5 * time.Minute).Unix()}
	return signed(h.With(maps.Clone(s.header)).With(r.header), c.With(maps.Clone(s.good)).With(r.claims))
}

// signed signs with the key of ours that alg names.
func signed(h header, c claims) string {
	var key any
	switch h["alg"] {
	case "RS256", "PS256":
		key = testkit.RSAKey()
	case "ES256":
		key = testkit.P256Key()
	case "EdDSA":
		key = testkit.EdKey()
	case "HS256":
		key = testkit.JSON(testkit.JWK(&testkit.RSAKey().PublicKey))
	case "none":
		return testkit.B64(testkit.JSON(h)) + "." + testkit.B64(testkit.JSON(c)) + ".AA"
	}
	return testkit.Sign(string(testkit.JSON(h)), string(testkit.JSON(c)), key)
}

func (s sheet) call(guard *middleware.Guard, token string) (*middleware.Token, error) {
	if s.source == "" {
		return call(guard, "Authorization", "Bearer "+token)
	}
	return call(guard, s.source, token)
}

func call(guard *middleware.Guard, field, value string) (*middleware.Token, error) {
	r := httptest.NewRequestWithContext(context.Background(), "GET", "/orders", nil)
	r.Header.Set(field, value)
	ctx, err := guard.Check(r)
	if err != nil {
		return nil, err
	}
	tok, _ := middleware.TokenFromContext(ctx)
	return tok, nil
}

func reasonOf(err error) middleware.Reason {
	var refusal *middleware.Error
	if errors.As(err, &refusal) {
		return refusal.Reason
	}
	if err != nil {
		return "no *middleware.Error"
	}
	return ""
}

// explained is an error with its cause.
func explained(err error) string {
	var refusal *middleware.Error
	if errors.As(err, &refusal) && refusal.Err != nil {
		return err.Error() + ": " + refusal.Err.Error()
	}
	if err == nil {
		return "it is let in"
	}
	return err.Error()
}

// wrong judges what a constructor says of arguments that are mistakes, and that New says it too.
func wrong(t *testing.T, rows map[string]middleware.Issuer) {
	t.Helper()
	for want, issuer := range rows {
		if issuer.Err == nil || !strings.Contains(issuer.Err.Error(), want) {
			t.Errorf("Err is %v, want %q in it", issuer.Err, want)
			continue
		}
		_, err := middleware.New(middleware.Config{Issuers: []middleware.Issuer{issuer}, Audiences: []string{api}})
		if err == nil || !strings.HasPrefix(err.Error(), "middleware: Issuers[0]: issuers.") || !strings.Contains(err.Error(), want) {
			t.Errorf("New says %v, want the preset and %q", err, want)
		}
	}
}
