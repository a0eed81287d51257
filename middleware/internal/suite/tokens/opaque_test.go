package tokens_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const (
	inactive = middleware.ReasonInactive
	unasked  = middleware.ReasonNotIntrospected
	outage   = middleware.ReasonIntrospectionUnavailable
)

func TestAnswersOfAnIntrospectionServer(t *testing.T) {
	hour := testkit.Now.Add(time.Hour).Unix()
	const bad, wrongType = middleware.ReasonMalformedClaim, middleware.ReasonTokenType
	for name, row := range map[string]struct {
		answer kit.Claims
		reason middleware.Reason
	}{
		"a good answer":                             {kit.ActiveAnswer(nil), ""},
		"an answer without iss":                     {kit.ActiveAnswer(kit.Claims{"iss": nil}), ""},
		"an answer without exp":                     {kit.ActiveAnswer(kit.Claims{"exp": nil}), ""},
		"a token_type with the Kelvin sign for a k": {kit.ActiveAnswer(kit.Claims{"token_type": "access_to\u212aen"}), middleware.ReasonTokenType},
		"an answer without token_type":              {kit.ActiveAnswer(kit.Claims{"token_type": nil}), ""},
		"an answer without sub, client and jti":     {kit.ActiveAnswer(kit.Claims{"sub": nil, "client_id": nil, "jti": nil}), ""},
		"aud as an array":                           {kit.ActiveAnswer(kit.Claims{"aud": []string{"b", testkit.Audience}}), ""},
		"members of a vendor's own":                 {kit.ActiveAnswer(kit.Claims{"nonce": "n", "x": 1, "username": "u"}), ""},
		"inactive":                                  {kit.Claims{"active": false}, inactive},
		"inactive with everything else of value":    {kit.ActiveAnswer(kit.Claims{"active": false, "scope": "admin"}), inactive},
		"exp has passed":                            {kit.ActiveAnswer(kit.Claims{"exp": testkit.Now.Add(-time.Hour).Unix()}), expired},
		"exp has passed by the leeway":              {kit.ActiveAnswer(kit.Claims{"exp": testkit.Now.Add(-30 * time.Second).Unix()}), expired},
		"exp within the leeway":                     {kit.ActiveAnswer(kit.Claims{"exp": testkit.Now.Add(-29 * time.Second).Unix()}), ""},
		"nbf lies ahead":                            {kit.ActiveAnswer(kit.Claims{"nbf": hour}), early},
		"iat lies ahead":                            {kit.ActiveAnswer(kit.Claims{"iat": hour}), ahead},
		"another issuer":                            {kit.ActiveAnswer(kit.Claims{"iss": "https://other.example.com"}), middleware.ReasonUnknownIssuer},
		"our issuer with a slash":                   {kit.ActiveAnswer(kit.Claims{"iss": testkit.Issuer + "/"}), middleware.ReasonUnknownIssuer},
		"an empty issuer":                           {kit.ActiveAnswer(kit.Claims{"iss": ""}), bad},
		"an issuer that is no text":                 {kit.ActiveAnswer(kit.Claims{"iss": []string{testkit.Issuer}}), bad},
		"another audience":                          {kit.ActiveAnswer(kit.Claims{"aud": "other"}), middleware.ReasonAudience},
		"no audience":                               {kit.ActiveAnswer(kit.Claims{"aud": nil}), middleware.ReasonAudience},
		"an empty audience":                         {kit.ActiveAnswer(kit.Claims{"aud": []string{}}), middleware.ReasonAudience},
		"an audience that is an object":             {kit.ActiveAnswer(kit.Claims{"aud": kit.Claims{testkit.Audience: true}}), bad},
		"a subject that is no text":                 {kit.ActiveAnswer(kit.Claims{"sub": 1}), bad},
		"a client that is no text":                  {kit.ActiveAnswer(kit.Claims{"client_id": 1}), ""},
		"bound by DPoP": {
			kit.ActiveAnswer(kit.Claims{"cnf": kit.Claims{"jkt": "a"}, "token_type": "DPoP"}), middleware.ReasonConfirmation,
		},
		"bound by DPoP and called Bearer":           {kit.ActiveAnswer(kit.Claims{"cnf": kit.Claims{"jkt": "a"}}), middleware.ReasonConfirmation},
		"bound to a certificate":                    {kit.ActiveAnswer(kit.Claims{"cnf": kit.Claims{"x5t#S256": "a"}}), middleware.ReasonConfirmation},
		"an empty cnf":                              {kit.ActiveAnswer(kit.Claims{"cnf": kit.Claims{}}), middleware.ReasonConfirmation},
		"DPoP without a key":                        {kit.ActiveAnswer(kit.Claims{"token_type": "DPoP"}), middleware.ReasonConfirmation},
		"dpop in lower case without a key":          {kit.ActiveAnswer(kit.Claims{"token_type": "dpop"}), middleware.ReasonConfirmation},
		"bearer in lower case":                      {kit.ActiveAnswer(kit.Claims{"token_type": "bearer"}), ""},
		"the URN of an access token":                {kit.ActiveAnswer(kit.Claims{"token_type": "urn:ietf:params:oauth:token-type:access_token"}), ""},
		"the hint as a type":                        {kit.ActiveAnswer(kit.Claims{"token_type": "access_token"}), ""},
		"a refresh token":                           {kit.ActiveAnswer(kit.Claims{"token_type": "refresh_token"}), wrongType},
		"the URN of a refresh token":                {kit.ActiveAnswer(kit.Claims{"token_type": "urn:ietf:params:oauth:token-type:refresh_token"}), wrongType},
		"an ID token":                               {kit.ActiveAnswer(kit.Claims{"token_type": "id_token"}), wrongType},
		"a type that is not applicable":             {kit.ActiveAnswer(kit.Claims{"token_type": "N_A"}), wrongType},
		"an empty type":                             {kit.ActiveAnswer(kit.Claims{"token_type": ""}), wrongType},
		"a type that is no text":                    {kit.ActiveAnswer(kit.Claims{"token_type": []string{"Bearer"}}), wrongType},
		"refresh by token_use":                      {kit.ActiveAnswer(kit.Claims{"token_use": "refresh_token"}), wrongType},
		"access by token_use":                       {kit.ActiveAnswer(kit.Claims{"token_use": "access_token"}), ""},
		"refresh by typ":                            {kit.ActiveAnswer(kit.Claims{"typ": "Refresh"}), wrongType},
		"a refresh token with neither type nor aud": {kit.ActiveAnswer(kit.Claims{"token_type": nil, "aud": nil}), middleware.ReasonAudience},
		"an actor that is text":                     {kit.ActiveAnswer(kit.Claims{"act": "admin"}), bad},
		"a scope that is an object grants nothing":  {kit.ActiveAnswer(kit.Claims{"scope": kit.Claims{"read": true}}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := kit.Answering(row.answer)
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server }, func(t *testing.T, v *middleware.Validator) {
				server.Asked.Store(0)
				kit.WantOutcome(t, v, kit.OpaqueToken, row.reason)
				if n := server.Asked.Load(); n < 2 {
					t.Errorf("the server was asked %d times for two requests: revocation is judged on each", n)
				}
				if row.reason == "" && row.answer["scope"] != "read write" {
					if got := kit.Serve(v.Require("read"), kit.Bearer(kit.OpaqueToken)).String(); got != "403 insufficient_scope" {
						t.Errorf("outcome is %q", got)
					}
				}
			})
		})
	}
}

func TestTokenOfAnAnswer(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(kit.Claims{"iss": nil, "acr": "loa2", "username": "not the subject"}))
	var decision middleware.Decision
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = server
		cfg.Observe = kit.ObserveInto(&decision)
	}, func(t *testing.T, v *middleware.Validator) {
		token := kit.WantAdmitted(t, v, kit.OpaqueToken)
		if token.Issuer != testkit.Issuer || token.Subject != "user-1" || token.ACR != "loa2" || !token.Opaque || !token.Scopes.HasAll("read", "write") {
			t.Errorf("token is %+v", token)
		}
		if decision.Issuer != testkit.Issuer || !decision.Opaque || decision.Subject != "user-1" || decision.Outcome != middleware.Allowed {
			t.Errorf("decision is %+v", decision)
		}
		var all map[string]any
		if err := token.Claims(&all); err != nil || all["active"] != true || all["username"] != "not the subject" {
			t.Errorf("claims are %v, %v", all, err)
		}
		if got, _ := server.Last.Load().(string); got != kit.OpaqueToken {
			t.Errorf("the server was asked about %q", got)
		}
	})
}

// That the server cannot tell is neither a bad token nor a good one.
func TestServerThatCannotTell(t *testing.T) {
	broken := func(body string) error {
		_, err := introspection.ParseResponse([]byte(body))
		if err == nil {
			t.Fatalf("%s is taken for an answer", body)
		}
		return err
	}
	for name, err := range map[string]error{
		"no connection":                errors.New("connection refused"),
		"an error of the client":       fmt.Errorf("%w: x", introspection.ErrUnavailable),
		"active is text":               broken(`{"active":"true"}`),
		"active is one":                broken(`{"active":1}`),
		"active is an object":          broken(`{"active":{}}`),
		"active is null":               broken(`{"active":null}`),
		"active is missing":            broken(`{"scope":"admin"}`),
		"active twice":                 broken(`{"active":false,"active":true}`),
		"active in two cases":          broken(`{"active":false,"ACTIVE":true}`),
		"HTML":                         broken(`<html>`),
		"nothing":                      broken(``),
		"half an answer":               broken(`{"active":true`),
		"two answers":                  broken(`{"active":true}{"active":true}`),
		"an array":                     broken(`[{"active":true}]`),
		"exp as text":                  broken(`{"active":true,"exp":"9999999999"}`),
		"exp beyond all years":         broken(`{"active":true,"exp":1e300}`),
		"an error that says not found": fmt.Errorf("no such host: %w", errors.ErrUnsupported),
	} {
		t.Run(name, func(t *testing.T) {
			server := &kit.CountingIntrospector{Err: err}
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server }, func(t *testing.T, v *middleware.Validator) {
				kit.WantRefused(t, v, kit.OpaqueToken, "503", outage)
				got := kit.Serve(v.Require(), kit.Bearer(kit.OpaqueToken))
				if got.Header.Get("Retry-After") == "" || got.Header.Get("WWW-Authenticate") != "" {
					t.Errorf("header is %v", got.Header)
				}
			})
		})
	}
	for name, server := range map[string]*kit.CountingIntrospector{
		"neither answer nor error": {},
		"when to come again":       {Err: kit.RetryLaterError{}},
	} {
		t.Run(name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server })
			kit.WantRefused(t, v, kit.OpaqueToken, "503", outage)
			if want := map[bool]string{true: "8", false: "1"}[server.Err != nil]; kit.Serve(v.Require(), kit.Bearer(kit.OpaqueToken)).Header.Get("Retry-After") != want {
				t.Errorf("Retry-After is not %s", want)
			}
		})
	}
	t.Run("an answer together with an error", func(t *testing.T) {
		server := kit.Answering(kit.ActiveAnswer(nil))
		server.Err = errors.New("but the connection broke")
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server })
		kit.WantRefused(t, v, kit.OpaqueToken, "503", outage)
	})
}

// A name of a mapped claim in another case: whoever reads the answer without regard to case would read another scope.
func TestAnswerWithALookalikeOfAMappedClaim(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(kit.Claims{"PERMISSIONS": "admin"}))
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = server
		cfg.Issuers[0].Claims.Scopes = []string{"permissions"}
	})
	kit.WantRefused(t, v, kit.OpaqueToken, "503", outage)
}

// A token is a credential, so it goes to one server at most.
func TestOpaqueTokensGoToOneServer(t *testing.T) {
	first, second, plain := kit.Answering(kit.ActiveAnswer(nil)), kit.Answering(
		kit.ActiveAnswer(kit.Claims{"iss": "https://second.example.com", "sub": "user-2"}),
	), "https://plain.example.com"
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector, cfg.Issuers[0].OpaquePrefixes = first, []string{"one_", "x"}
		cfg.Issuers = append(cfg.Issuers,
			middleware.Issuer{URL: "https://second.example.com", Keys: testkit.KeySet(), Introspector: second, OpaquePrefixes: []string{"two_", "one_two_"}},
			middleware.Issuer{URL: plain, Keys: testkit.KeySet()})
	}, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			token, subject string
			reason         middleware.Reason
		}{
			{"one_abc", "user-1", ""}, {"two_abc", "user-2", ""}, {
				"one_two_abc", "user-2", "",
			}, {"one_twoabc", "user-1", ""}, {"x", "user-1", ""}, {"one_", "user-1", ""},
			{"three_abc", "", unasked}, {"ONE_abc", "", unasked}, {"Xone_abc", "", unasked}, {"one", "", unasked}, {"-one_abc", "", unasked}, {
				"abc.one_.x", "", unasked,
			},
		} {
			first.Asked.Store(0)
			second.Asked.Store(0)
			t.Run(row.token, func(t *testing.T) {
				if row.reason != "" {
					kit.WantRefused(t, v, row.token, kit.BadToken, row.reason)
				} else if got := kit.WantAdmitted(t, v, row.token).Subject; got != row.subject {
					t.Errorf("subject is %q, want %q", got, row.subject)
				}
				if row.subject != "user-1" && first.Asked.Load() != 0 || row.subject != "user-2" && second.Asked.Load() != 0 {
					t.Errorf("calls were %d and %d", first.Asked.Load(), second.Asked.Load())
				}
			})
		}
		first.Err, second.Err = errors.New("down"), nil // failure is no reason to try the next one
		second.Asked.Store(0)
		kit.WantRefused(t, v, "one_abc", "503", outage)
		first.Err = nil
		if second.Asked.Load() != 0 {
			t.Error("the second server was asked because the first was down")
		}
	})
}

// What decodes to text that begins with a brace is a JWT, good or bad; random tokens that begin like one are not.
func TestWhatIsOpaque(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(nil))
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server }, func(t *testing.T, v *middleware.Validator) {
		for _, token := range []string{
			"a", "2YotnFZFEjr1zCsicMWpAA", "e58ed763-928c-4155-bee9-fdbaaadc15f3", "e4d909c290d0fb1ca068ffaddf22cbd0", "e", "eA", "abc.def.ghi", "a.b", "a.b.c.d.e", "a.b.c.d.e.f",
			"ory_at_x.y", "gho_16C7e42F292c6912E7710c838347Ae178B4a", "abc==", "a+b/c~d", "eyJh+.x.y", "ZXlK", "e3~", "bnVsbA.e30.AA", "W10.e30.AA",
		} {
			t.Run(token, func(t *testing.T) { kit.WantAdmitted(t, v, token) })
		}
		random := make([]byte, 32)
		for range 500 { // 4 of 100 hexadecimal tokens begin like a JWT
			_, _ = rand.Read(random)
			for _, token := range []string{hex.EncodeToString(random), "e" + hex.EncodeToString(random)[1:], testkit.B64(append([]byte("{"), random...))} {
				if reason := kit.ReasonOf(t, v.Require(), kit.Bearer(token)); reason != "" {
					t.Fatalf("opaque token %s is refused: %s", token, reason)
				}
			}
		}

		h, p, s := segments()
		server.Asked.Store(0)
		for token, reason := range map[string]middleware.Reason{
			"ey": malformed, "e0": malformed, h: malformed, h + "." + p: malformed, h + "." + p + "." + s + "." + s: malformed, h + "." + p + "." + s + "." + s + "." + s: middleware.ReasonEncrypted, h + "..": malformed,
			"a..b": malformed, ".a": malformed, "a.": malformed, ".": malformed, "..": malformed, "a...b": malformed, testkit.B64(
				[]byte("{"),
			) + ".a.b": malformed, testkit.B64(
				[]byte("{}"),
			): malformed,
			testkit.B64(
				[]byte("{\"alg\":\"none\""),
			) + ".a.b": malformed, testkit.B64(
				[]byte(`{"alg":"none"}`),
			) + ".e30.": malformed, testkit.B64([]byte(`{"alg":"none"}`)) + ".e30.AA": middleware.ReasonMissingClaim,
			kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://stranger.example.com"})):                      middleware.ReasonUnknownIssuer,
			testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()): middleware.ReasonSignature,
		} {
			kit.WantRefused(t, v, token, kit.BadToken, reason)
		}
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil)))
		if n := server.Asked.Load(); n != 0 {
			t.Errorf("%d JWTs were shown to the server", n)
		}
	})
	t.Run("nobody introspects", func(t *testing.T) {
		wantAllRefused(
			t, nil,
			[]hostile{{"opaque", kit.OpaqueToken, unasked}, {"a UUID", "e58ed763-928c-4155-bee9-fdbaaadc15f3", unasked}, {"three segments", "abc.def.ghi", unasked}},
		)
	})
}

// CVE-2026-33496, CVE-2021-32701: entries that share a server do not share its answers' judgement.
func TestEntriesThatShareAServer(t *testing.T) {
	shared := kit.Answering(kit.ActiveAnswer(kit.Claims{"iss": nil, "aud": "orders"}))
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers = nil
		for _, name := range []string{"orders", "billing", "stock"} {
			cfg.Issuers = append(
				cfg.Issuers,
				middleware.Issuer{
					URL: "https://" + name + ".example.com", Keys: testkit.KeySet(), Introspector: shared,
					OpaquePrefixes: []string{name + "_"}, Audiences: []string{name},
				},
			)
		}
	}, func(t *testing.T, v *middleware.Validator) {
		for range 2 {
			if got := kit.WantAdmitted(t, v, "orders_1").Issuer; got != "https://orders.example.com" {
				t.Errorf("issuer is %q", got)
			}
			kit.WantRefused(t, v, "billing_1", kit.BadToken, middleware.ReasonAudience)
			kit.WantRefused(t, v, "stock_1", kit.BadToken, middleware.ReasonAudience)
		}
	})
}

func TestAnswerChangesBetweenRequests(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(nil))
	at := testkit.Now
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = server
		cfg.Clock = func() time.Time { return at }
	})
	good := server.Response
	kit.WantAdmitted(t, v, kit.OpaqueToken)
	at = testkit.Now.Add(2 * time.Hour) // the same Response still says active
	kit.WantRefused(t, v, kit.OpaqueToken, kit.BadToken, expired)
	at = testkit.Now
	kit.WantAdmitted(t, v, kit.OpaqueToken)
	server.Response = testkit.Must(introspection.ParseResponse([]byte(`{"active":false}`)))
	kit.WantRefused(t, v, kit.OpaqueToken, kit.BadToken, inactive)
	server.Response = testkit.Must(introspection.ParseResponse(testkit.JSON(kit.ActiveAnswer(kit.Claims{"sub": "user-2"}))))
	if got := kit.WantAdmitted(t, v, kit.OpaqueToken).Subject; got != "user-2" {
		t.Errorf("subject is %q", got)
	}
	server.Response, server.Err = good, errors.New("down")
	kit.WantRefused(t, v, kit.OpaqueToken, "503", outage)
}
