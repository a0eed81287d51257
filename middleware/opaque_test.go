package middleware_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

const (
	inactive = middleware.ReasonInactive
	unasked  = middleware.ReasonNotIntrospected
	outage   = middleware.ReasonIntrospectionUnavailable
	opaque   = "mF_9.B5f-4.1JqM"
)

func TestAnswersOfAnIntrospectionServer(t *testing.T) {
	hour := now.Add(time.Hour).Unix()
	const bad, wrongType = middleware.ReasonMalformedClaim, middleware.ReasonTokenType
	for name, row := range map[string]struct {
		answer claims
		reason middleware.Reason
	}{
		"a good answer":                             {active(nil), ""},
		"an answer without iss":                     {active(claims{"iss": nil}), ""},
		"an answer without exp":                     {active(claims{"exp": nil}), ""},
		"an answer without token_type":              {active(claims{"token_type": nil}), ""},
		"an answer without sub, client and jti":     {active(claims{"sub": nil, "client_id": nil, "jti": nil}), ""},
		"aud as an array":                           {active(claims{"aud": []string{"b", audience}}), ""},
		"members of a vendor's own":                 {active(claims{"nonce": "n", "x": 1, "username": "u"}), ""},
		"inactive":                                  {claims{"active": false}, inactive},
		"inactive with everything else of value":    {active(claims{"active": false, "scope": "admin"}), inactive},
		"exp has passed":                            {active(claims{"exp": now.Add(-time.Hour).Unix()}), expired},
		"exp has passed by the leeway":              {active(claims{"exp": now.Add(-30 * time.Second).Unix()}), expired},
		"exp within the leeway":                     {active(claims{"exp": now.Add(-29 * time.Second).Unix()}), ""},
		"nbf lies ahead":                            {active(claims{"nbf": hour}), early},
		"iat lies ahead":                            {active(claims{"iat": hour}), ahead},
		"another issuer":                            {active(claims{"iss": "https://other.example.com"}), middleware.ReasonUnknownIssuer},
		"our issuer with a slash":                   {active(claims{"iss": issuer + "/"}), middleware.ReasonUnknownIssuer},
		"an empty issuer":                           {active(claims{"iss": ""}), bad},
		"an issuer that is no text":                 {active(claims{"iss": []string{issuer}}), bad},
		"another audience":                          {active(claims{"aud": "other"}), middleware.ReasonAudience},
		"no audience":                               {active(claims{"aud": nil}), middleware.ReasonAudience},
		"an empty audience":                         {active(claims{"aud": []string{}}), middleware.ReasonAudience},
		"an audience that is an object":             {active(claims{"aud": claims{audience: true}}), bad},
		"a subject that is no text":                 {active(claims{"sub": 1}), bad},
		"a client that is no text":                  {active(claims{"client_id": 1}), ""},
		"bound by DPoP":                             {active(claims{"cnf": claims{"jkt": "a"}, "token_type": "DPoP"}), middleware.ReasonConfirmation},
		"bound by DPoP and called Bearer":           {active(claims{"cnf": claims{"jkt": "a"}}), middleware.ReasonConfirmation},
		"bound to a certificate":                    {active(claims{"cnf": claims{"x5t#S256": "a"}}), middleware.ReasonConfirmation},
		"an empty cnf":                              {active(claims{"cnf": claims{}}), middleware.ReasonConfirmation},
		"DPoP without a key":                        {active(claims{"token_type": "DPoP"}), middleware.ReasonConfirmation},
		"dpop in lower case without a key":          {active(claims{"token_type": "dpop"}), middleware.ReasonConfirmation},
		"bearer in lower case":                      {active(claims{"token_type": "bearer"}), ""},
		"the URN of an access token":                {active(claims{"token_type": "urn:ietf:params:oauth:token-type:access_token"}), ""},
		"the hint as a type":                        {active(claims{"token_type": "access_token"}), ""},
		"a refresh token":                           {active(claims{"token_type": "refresh_token"}), wrongType},
		"the URN of a refresh token":                {active(claims{"token_type": "urn:ietf:params:oauth:token-type:refresh_token"}), wrongType},
		"an ID token":                               {active(claims{"token_type": "id_token"}), wrongType},
		"a type that is not applicable":             {active(claims{"token_type": "N_A"}), wrongType},
		"an empty type":                             {active(claims{"token_type": ""}), wrongType},
		"a type that is no text":                    {active(claims{"token_type": []string{"Bearer"}}), wrongType},
		"refresh by token_use":                      {active(claims{"token_use": "refresh_token"}), wrongType},
		"access by token_use":                       {active(claims{"token_use": "access_token"}), ""},
		"refresh by typ":                            {active(claims{"typ": "Refresh"}), wrongType},
		"a refresh token with neither type nor aud": {active(claims{"token_type": nil, "aud": nil}), middleware.ReasonAudience},
		"an actor that is text":                     {active(claims{"act": "admin"}), bad},
		"a scope that is an object grants nothing":  {active(claims{"scope": claims{"read": true}}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := answering(row.answer)
			eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server }, func(t *testing.T, v *middleware.Validator) {
				server.asked.Store(0)
				wantOutcome(t, v, opaque, row.reason)
				if n := server.asked.Load(); n < 2 {
					t.Errorf("the server was asked %d times for two requests: revocation is judged on each", n)
				}
				if row.reason == "" && row.answer["scope"] != "read write" {
					if got := serve(v.Require("read"), bearer(opaque)).String(); got != "403 insufficient_scope" {
						t.Errorf("outcome is %q", got)
					}
				}
			})
		})
	}
}

func TestTokenOfAnAnswer(t *testing.T) {
	server := answering(active(claims{"iss": nil, "acr": "loa2", "username": "not the subject"}))
	var decision middleware.Decision
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = server
		cfg.Observe = observeInto(&decision)
	}, func(t *testing.T, v *middleware.Validator) {
		token := wantAdmitted(t, v, opaque)
		if token.Issuer != issuer || token.Subject != "user-1" || token.ACR != "loa2" || !token.Opaque || !token.Scopes.HasAll("read", "write") {
			t.Errorf("token is %+v", token)
		}
		if decision.Issuer != issuer || !decision.Opaque || decision.Subject != "user-1" || decision.Outcome != middleware.Allowed {
			t.Errorf("decision is %+v", decision)
		}
		var all map[string]any
		if err := token.Claims(&all); err != nil || all["active"] != true || all["username"] != "not the subject" {
			t.Errorf("claims are %v, %v", all, err)
		}
		if got, _ := server.last.Load().(string); got != opaque {
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
			server := &introspector{err: err}
			eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server }, func(t *testing.T, v *middleware.Validator) {
				wantRefused(t, v, opaque, "503", outage)
				got := serve(v.Require(), bearer(opaque))
				if got.Header.Get("Retry-After") == "" || got.Header.Get("WWW-Authenticate") != "" {
					t.Errorf("header is %v", got.Header)
				}
			})
		})
	}
	for name, server := range map[string]*introspector{
		"neither answer nor error": {},
		"when to come again":       {err: patientError{}},
	} {
		t.Run(name, func(t *testing.T) {
			v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server })
			wantRefused(t, v, opaque, "503", outage)
			if want := map[bool]string{true: "8", false: "1"}[server.err != nil]; serve(v.Require(), bearer(opaque)).Header.Get("Retry-After") != want {
				t.Errorf("Retry-After is not %s", want)
			}
		})
	}
	t.Run("an answer together with an error", func(t *testing.T) {
		server := answering(active(nil))
		server.err = errors.New("but the connection broke")
		v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server })
		wantRefused(t, v, opaque, "503", outage)
	})
}

// A name of a mapped claim in another case: whoever reads the answer without regard to case would read another scope.
func TestAnswerWithALookalikeOfAMappedClaim(t *testing.T) {
	server := answering(active(claims{"PERMISSIONS": "admin"}))
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = server
		cfg.Issuers[0].Claims.Scopes = []string{"permissions"}
	})
	wantRefused(t, v, opaque, "503", outage)
}

// A token is a credential, so it goes to one server at most.
func TestOpaqueTokensGoToOneServer(t *testing.T) {
	first, second, plain := answering(active(nil)), answering(active(claims{"iss": "https://second.example.com", "sub": "user-2"})), "https://plain.example.com"
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector, cfg.Issuers[0].OpaquePrefixes = first, []string{"one_", "x"}
		cfg.Issuers = append(cfg.Issuers,
			middleware.Issuer{URL: "https://second.example.com", Keys: keySet(), Introspector: second, OpaquePrefixes: []string{"two_", "one_two_"}},
			middleware.Issuer{URL: plain, Keys: keySet()})
	}, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			token, subject string
			reason         middleware.Reason
		}{
			{"one_abc", "user-1", ""}, {"two_abc", "user-2", ""}, {"one_two_abc", "user-2", ""}, {"one_twoabc", "user-1", ""}, {"x", "user-1", ""}, {"one_", "user-1", ""},
			{"three_abc", "", unasked}, {"ONE_abc", "", unasked}, {"Xone_abc", "", unasked}, {"one", "", unasked}, {"-one_abc", "", unasked}, {"abc.one_.x", "", unasked},
		} {
			first.asked.Store(0)
			second.asked.Store(0)
			t.Run(row.token, func(t *testing.T) {
				if row.reason != "" {
					wantRefused(t, v, row.token, badToken, row.reason)
				} else if got := wantAdmitted(t, v, row.token).Subject; got != row.subject {
					t.Errorf("subject is %q, want %q", got, row.subject)
				}
				if row.subject != "user-1" && first.asked.Load() != 0 || row.subject != "user-2" && second.asked.Load() != 0 {
					t.Errorf("calls were %d and %d", first.asked.Load(), second.asked.Load())
				}
			})
		}
		first.err, second.err = errors.New("down"), nil // failure is no reason to try the next one
		second.asked.Store(0)
		wantRefused(t, v, "one_abc", "503", outage)
		first.err = nil
		if second.asked.Load() != 0 {
			t.Error("the second server was asked because the first was down")
		}
	})
}

// What decodes to text that begins with a brace is a JWT, good or bad; random tokens that begin like one are not.
func TestWhatIsOpaque(t *testing.T) {
	server := answering(active(nil))
	eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = server }, func(t *testing.T, v *middleware.Validator) {
		for _, token := range []string{
			"a", "2YotnFZFEjr1zCsicMWpAA", "e58ed763-928c-4155-bee9-fdbaaadc15f3", "e4d909c290d0fb1ca068ffaddf22cbd0", "e", "eA", "abc.def.ghi", "a.b", "a.b.c.d.e", "a.b.c.d.e.f",
			"ory_at_x.y", "gho_16C7e42F292c6912E7710c838347Ae178B4a", "abc==", "a+b/c~d", "eyJh+.x.y", "ZXlK", "e3~", "bnVsbA.e30.AA", "W10.e30.AA",
		} {
			t.Run(token, func(t *testing.T) { wantAdmitted(t, v, token) })
		}
		random := make([]byte, 32)
		for range 2000 { // 4 of 100 hexadecimal tokens begin like a JWT
			_, _ = rand.Read(random)
			for _, token := range []string{hex.EncodeToString(random), "e" + hex.EncodeToString(random)[1:], b64(append([]byte("{"), random...))} {
				if reason := reasonOf(t, v.Require(), bearer(token)); reason != "" {
					t.Fatalf("opaque token %s is refused: %s", token, reason)
				}
			}
		}

		h, p, s := segments()
		server.asked.Store(0)
		for token, reason := range map[string]middleware.Reason{
			"ey": malformed, "e0": malformed, h: malformed, h + "." + p: malformed, h + "." + p + "." + s + "." + s: malformed, h + "." + p + "." + s + "." + s + "." + s: middleware.ReasonEncrypted, h + "..": malformed,
			"a..b": malformed, ".a": malformed, "a.": malformed, ".": malformed, "..": malformed, "a...b": malformed, b64([]byte("{")) + ".a.b": malformed, b64([]byte("{}")): malformed,
			b64([]byte("{\"alg\":\"none\"")) + ".a.b": malformed, b64([]byte(`{"alg":"none"}`)) + ".e30.": malformed, b64([]byte(`{"alg":"none"}`)) + ".e30.AA": middleware.ReasonMissingClaim,
			mint(good(claims{"iss": "https://stranger.example.com"})): middleware.ReasonUnknownIssuer,
			sign(edHeader, string(toJSON(good(nil))), strangeKey()):   middleware.ReasonSignature,
		} {
			wantRefused(t, v, token, badToken, reason)
		}
		wantAdmitted(t, v, mint(good(nil)))
		if n := server.asked.Load(); n != 0 {
			t.Errorf("%d JWTs were shown to the server", n)
		}
	})
	t.Run("nobody introspects", func(t *testing.T) {
		wantAllRefused(t, nil, []hostile{{"opaque", opaque, unasked}, {"a UUID", "e58ed763-928c-4155-bee9-fdbaaadc15f3", unasked}, {"three segments", "abc.def.ghi", unasked}})
	})
}

// CVE-2026-33496, CVE-2021-32701: entries that share a server do not share its answers' judgement.
func TestEntriesThatShareAServer(t *testing.T) {
	shared := answering(active(claims{"iss": nil, "aud": "orders"}))
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers = nil
		for _, name := range []string{"orders", "billing", "stock"} {
			cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: "https://" + name + ".example.com", Keys: keySet(), Introspector: shared, OpaquePrefixes: []string{name + "_"}, Audiences: []string{name}})
		}
	}, func(t *testing.T, v *middleware.Validator) {
		for range 2 {
			if got := wantAdmitted(t, v, "orders_1").Issuer; got != "https://orders.example.com" {
				t.Errorf("issuer is %q", got)
			}
			wantRefused(t, v, "billing_1", badToken, middleware.ReasonAudience)
			wantRefused(t, v, "stock_1", badToken, middleware.ReasonAudience)
		}
	})
}

func TestAnswerChangesBetweenRequests(t *testing.T) {
	server := answering(active(nil))
	at := now
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = server
		cfg.Clock = func() time.Time { return at }
	})
	good := server.response
	wantAdmitted(t, v, opaque)
	at = now.Add(2 * time.Hour) // the same Response still says active
	wantRefused(t, v, opaque, badToken, expired)
	at = now
	wantAdmitted(t, v, opaque)
	server.response = must(introspection.ParseResponse([]byte(`{"active":false}`)))
	wantRefused(t, v, opaque, badToken, inactive)
	server.response = must(introspection.ParseResponse(toJSON(active(claims{"sub": "user-2"}))))
	if got := wantAdmitted(t, v, opaque).Subject; got != "user-2" {
		t.Errorf("subject is %q", got)
	}
	server.response, server.err = good, errors.New("down")
	wantRefused(t, v, opaque, "503", outage)
}
