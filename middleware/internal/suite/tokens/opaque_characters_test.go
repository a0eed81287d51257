package tokens_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const badRequest = "400 invalid_request"

// amazon lets the tokens of one server hold what RFC 6749 allows.
func amazon(client middleware.Introspector) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector, cfg.Issuers[0].OpaqueCharacters = client, true
	}
}

func serving(answer kit.Claims) *kit.IntrospectionServer {
	server := new(kit.IntrospectionServer)
	server.Say(answer)
	return server
}

func TestOpaqueCharacters(t *testing.T) {
	jwt := kit.Mint(kit.GoodClaims(nil))
	header, rest, _ := strings.Cut(jwt, ".")
	for name, row := range map[string]struct {
		token string
		good  bool // with the opt-in; without it all are 400
	}{
		"Login with Amazon":           {"Atza|IwEBIJ-x", true},
		"Laravel Sanctum":             {"12|abcdef", true},
		"percent-encoded":             {"abc%2Bdef%3D", true},
		"an exclamation mark":         {"a!b", true},
		"every character":             {"!#$%&'()*+-./0:;<=>?@AZ[]^_`az{|}~", true},
		"an equals sign inside":       {"a=b|", true},
		"two dots":                    {"12|a.b.c", true},
		"a comma":                     {"a|b,c", false},
		"a quote":                     {`a|b"c`, false},
		"a backslash":                 {`a|b\c`, false},
		"a space":                     {"a|b c", false},
		"a tab":                       {"a|b\tc", false},
		"a line break":                {"a|b\nc", false},
		"NUL":                         {"a|b\x00", false},
		"DEL":                         {"a|b\x7f", false},
		"beyond ASCII":                {"a|bü", false},
		"Latin-1":                     {"a|b\xfc", false},
		"a list of fields":            {"a|b, Basic dTpw", false},
		"a token after it":            {"a|b Bearer c", false},
		"a padded JWT":                {header + "=." + rest, false},
		"a JWT with a bar":            {header + "|." + rest, false},
		"a JWT with a bar inside":     {header[:5] + "|" + header[5:] + "." + rest, false},
		"a JWT with a bar ahead":      {"|" + jwt, false},
		"a JWT in percents":           {"%65" + jwt[1:], false},
		"a JWT with percent dots":     {strings.ReplaceAll(jwt, ".", "%2E"), false},
		"a JWT with other dots":       {strings.ReplaceAll(jwt, ".", "|"), false},
		"a bar in the claims":         {header + "." + rest[:4] + "|" + rest[4:], false},
		"a bar in the signature":      {jwt + "|", false},
		"a header and nothing":        {header + "|", false},
		"a header in standard base64": {strings.NewReplacer("-", "+", "_", "/").Replace(header) + "=|", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := serving(kit.ActiveAnswer(nil))
			client := kit.NewIntrospectionClient(t, server)
			v := kit.NewValidator(t, amazon(client))
			r := kit.Request("GET", http.Header{"Authorization": {"Bearer " + row.token}})
			if !row.good {
				kit.WantServed(t, v.Require(), r, badRequest, middleware.ReasonMalformedRequest)
				if server.Asked.Load() != 0 {
					t.Error("the server was asked")
				}
			} else {
				kit.WantServed(t, v.Require(), r, "200", "")
				kit.WantServed(t, v.Require(), r, "200", "")
			}
			strict := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = client })
			kit.WantServed(t, strict.Require(), r, badRequest, middleware.ReasonMalformedRequest)
		})
	}
}

// The token is a parameter of a form, where every character of it is safe.
func TestOpaqueCharactersReachTheServerAsTheyWere(t *testing.T) {
	const token = "!#$%&'()*+-./0:;<=>?@AZ[]^_`az{|}~&token=x%41"
	server := new(kit.IntrospectionServer)
	server.Answer = func(asked string) kit.Claims { return kit.ActiveAnswer(kit.Claims{"sub": asked}) }
	v := kit.NewValidator(t, amazon(kit.NewIntrospectionClient(t, server)))
	if got := kit.WantAdmitted(t, v, token); got.Subject != token {
		t.Errorf("the server was asked about %q", got.Subject)
	}
	server.Say(kit.Claims{"active": false})
	kit.WantServed(t, v.Require(), kit.Bearer("revoked|1"), kit.BadToken, middleware.ReasonInactive)
}

// Wherever a token may be, the same characters may be in it.
func TestOpaqueCharactersInEveryPlace(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		amazon(kit.EchoIntrospector{})(cfg)
		cfg.TokenSources = []middleware.TokenSource{
			middleware.FromHeader("X-Token"), middleware.FromCookie("__Host-s"), middleware.FromForm(), middleware.FromHeader("Sec-WebSocket-Protocol"),
		}
	})
	form := func(token string) *http.Request {
		return kit.FormRequest("POST", kit.URLEncoded, url.Values{"access_token": {token}}.Encode(), nil)
	}
	field := func(name string) func(string) *http.Request {
		return func(token string) *http.Request {
			return kit.Request("GET", http.Header{http.CanonicalHeaderKey(name): {token}})
		}
	}
	cookie := func(token string) *http.Request {
		return kit.Request("GET", http.Header{"Cookie": {"a=b; __Host-s=" + token}})
	}
	for name, request := range map[string]func(string) *http.Request{
		"a field": field("X-Token"), "a cookie": cookie, "a form": form, "a subprotocol": field("Sec-WebSocket-Protocol"),
	} {
		t.Run(name, func(t *testing.T) {
			kit.WantServed(t, v.Require(), request("12|abc%2B!"), "200", "")
			for _, bad := range []string{"12|a,b", "12|a b", kit.Mint(kit.GoodClaims(nil)) + "|"} {
				kit.WantServed(t, v.Require(), request(bad), badRequest, "")
			}
		})
	}
	for _, bad := range []string{"a|\"b", "a|\\b", "a|\r\nb", "a|\x00"} {
		kit.WantServed(t, v.Require(), form(bad), badRequest, "")
	}
	kit.WantServed(t, v.Require(), field("X-Token")("Bearer 12|abc"), "200", "")
	kit.WantServed(t, v.Require(), kit.Request("GET", http.Header{"Sec-Websocket-Protocol": {"bearer, 12|abc"}}), badRequest, middleware.ReasonMalformedRequest)
}

// One server's characters are not another's: the prefix says whose token it is.
func TestOpaqueCharactersOfOneIssuerOfTwo(t *testing.T) {
	loose, strict := serving(kit.ActiveAnswer(kit.Claims{"iss": nil})), serving(kit.ActiveAnswer(kit.Claims{"iss": nil}))
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			{
				URL: "https://loose.example", Keys: testkit.KeySet(), Introspector: kit.NewIntrospectionClient(t, loose),
				OpaqueCharacters: true, OpaquePrefixes: []string{"Atza|"},
			},
			{URL: "https://strict.example", Keys: testkit.KeySet(), Introspector: kit.NewIntrospectionClient(t, strict), OpaquePrefixes: []string{"ory_"}},
		}
	})
	kit.WantServed(t, v.Require(), kit.Bearer("Atza|1"), "200", "")
	kit.WantServed(t, v.Require(), kit.Bearer("ory_1"), "200", "")
	for _, token := range []string{"ory_|1", "12|1", "Atza%7C1", "Atza,1"} {
		kit.WantServed(t, v.Require(), kit.Bearer(token), badRequest, middleware.ReasonMalformedRequest)
	}
	kit.WantServed(t, v.Require(), kit.Bearer("Atza"), kit.BadToken, middleware.ReasonNotIntrospected)
	if loose.Asked.Load() != 1 || strict.Asked.Load() != 1 {
		t.Errorf("%d and %d questions, want one each", loose.Asked.Load(), strict.Asked.Load())
	}
}

// A proof names the digest of the token, whatever its characters are.
func TestOpaqueCharactersWithAProof(t *testing.T) {
	const token = "Atza|bound"
	v := kit.DPoPValidator(t, amazon(kit.Answering(kit.ActiveAnswer(kit.BoundTo(testkit.EdKey()).With(kit.Claims{"token_type": "DPoP"})))))
	proof := testkit.Proof{Key: testkit.EdKey(), Token: token}.String()
	kit.WantServed(t, v.Require(), kit.DPoPRequest(token, proof), "200", "")
	kit.WantServed(t, v.Require(), kit.Bearer(token), kit.BadToken, middleware.ReasonConfirmation)
	for _, bad := range []string{token + ",", token + " x"} {
		r := kit.DPoPRequest(bad, testkit.Proof{Key: testkit.EdKey(), Token: bad}.String())
		kit.WantServed(t, v.Require(), r, badRequest, middleware.ReasonMalformedRequest)
	}
}

// What a client sends is never repeated to it, where it could be read as a challenge of ours.
func TestOpaqueCharactersAreNotEchoed(t *testing.T) {
	for _, answer := range []kit.Claims{{"active": false}, kit.ActiveAnswer(nil), kit.ActiveAnswer(kit.Claims{"aud": "other"})} {
		v := kit.NewValidator(t, amazon(kit.Answering(answer)))
		for _, token := range []string{"canary|(x)=<y>", "canary|,realm=x", `canary|"x`} {
			got := kit.Serve(v.Require("admin"), kit.Bearer(token))
			if text := strings.Join(got.Header.Values("Www-Authenticate"), " ") + string(testkit.Must(io.ReadAll(got.Body))); strings.Contains(text, "canary") {
				t.Errorf("%q is echoed: %s", token, text)
			}
		}
	}
}

func TestMistakesAboutOpaqueCharacters(t *testing.T) {
	client := kit.FixedAnswer{}
	for want, issuer := range map[string]middleware.Issuer{
		"Issuers[0].OpaqueCharacters is set without an Introspector":                  {OpaqueCharacters: true},
		`OpaquePrefixes: "Atza|" holds characters that only OpaqueCharacters lets in`: {Introspector: client, OpaquePrefixes: []string{"Atza|"}},
		`OpaquePrefixes: "a b" holds characters that no token may have`: {
			Introspector: client, OpaqueCharacters: true, OpaquePrefixes: []string{"a b"},
		},
		`OpaquePrefixes: "a," holds characters that no token may have`: {Introspector: client, OpaquePrefixes: []string{"a,"}},
		"": {Introspector: client, OpaqueCharacters: true, OpaquePrefixes: []string{"Atza|", "12|", "ory_", "="}},
	} {
		cfg := kit.Config()
		issuer.URL, issuer.Keys = testkit.Issuer, testkit.KeySet()
		cfg.Issuers = []middleware.Issuer{issuer}
		_, err := middleware.New(cfg)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
}

// A Client is asked by others as well, and leaves alone what no server's token is.
func TestTokensThatAClientAsksAbout(t *testing.T) {
	server := serving(kit.ActiveAnswer(nil))
	client := kit.NewIntrospectionClient(t, server)
	for token, asked := range map[string]bool{
		"a|b": true, "a%b": true, "a b": false, "a,b": false, `a"b`: false, `a\b`: false, "a\x7f": false, "ä": false, "": false,
	} {
		before := server.Asked.Load()
		var response *introspection.Response
		response, err := client.Introspect(t.Context(), token)
		if (err == nil) != asked || response.Active() != asked || (server.Asked.Load() > before) != asked {
			t.Errorf("%q: %v, asked %d times", token, err, server.Asked.Load()-before)
		}
	}
}
