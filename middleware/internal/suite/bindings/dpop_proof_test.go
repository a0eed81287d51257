package bindings_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// proofAttack is proofs that do not suffice for a token that is bound to testkit.EdKey.
type proofAttack struct {
	name    string
	proofs  []string
	outcome string // empty: kit.BadProof
}

// proofAttacks is RFC 9449 section 4.3 turned round, one row for each way to fail it.
func proofAttacks(token string) []proofAttack {
	with := func(header, payload kit.Claims) string {
		return testkit.Proof{Key: testkit.EdKey(), Token: token, Header: header, Claims: payload}.String()
	}
	fine := with(nil, nil)
	body := func(text string) string {
		return testkit.Sign(string(testkit.JSON(kit.Claims{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": testkit.JWK(testkit.EdKey().Public())})), text, testkit.EdKey())
	}
	head := func(text string) string {
		return testkit.Sign(
			text,
			string(testkit.JSON(kit.Claims{"jti": "x", "htm": "GET", "htu": testkit.Audience + "/orders", "iat": testkit.Now.Unix(), "ath": testkit.Hash(token)})),
			testkit.EdKey(),
		)
	}
	jwk := string(testkit.JSON(testkit.JWK(testkit.EdKey().Public())))
	private := func(member string, value any) string {
		return with(kit.Claims{"jwk": testkit.JWK(testkit.EdKey().Public()).With(kit.Claims{member: value})}, nil)
	}
	p224 := testkit.Must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	rows := []proofAttack{
		{name: "no proof"},
		{name: "two proofs in two lines", proofs: []string{fine, with(nil, nil)}},
		{name: "the same proof in two lines", proofs: []string{fine, fine}},
		{name: "two proofs in one line", proofs: []string{fine + ", " + with(nil, nil)}},
		{name: "a proof and a comma", proofs: []string{fine + ","}},
		{name: "an empty field", proofs: []string{""}},
		{name: "JSON serialisation", proofs: []string{`{"payload":"e30","signatures":[]}`}},
		{name: "a JWE", proofs: []string{"e30.e30.e30.e30.e30"}},
		{name: "without a signature", proofs: []string{fine[:strings.LastIndexByte(fine, '.')+1]}},
		{name: "padded base64", proofs: []string{fine + "="}},
		{name: "longer than 8 KiB", proofs: []string{with(nil, kit.Claims{"x": strings.Repeat("x", 8<<10)})}},
		{name: "a jti of 1 MiB", proofs: []string{with(nil, kit.Claims{"jti": strings.Repeat("x", 1<<20)})}},
		{name: "a jti of 1025 bytes", proofs: []string{with(nil, kit.Claims{"jti": strings.Repeat("x", 1025)})}},
		{name: "the access token as its own proof", proofs: []string{token}},
		{name: "typ of a plain JWT", proofs: []string{with(kit.Claims{"typ": "JWT"}, nil)}},
		{name: "typ of an access token", proofs: []string{with(kit.Claims{"typ": "at+jwt"}, nil)}},
		{name: "no typ", proofs: []string{with(kit.Claims{"typ": nil}, nil)}},
		{name: "an empty typ", proofs: []string{with(kit.Claims{"typ": ""}, nil)}},
		{name: "typ that is a media type without a name", proofs: []string{with(kit.Claims{"typ": "application/"}, nil)}},
		{name: "typ that is no string", proofs: []string{with(kit.Claims{"typ": []string{"dpop+jwt"}}, nil)}},
		{name: "alg none", proofs: []string{with(kit.Claims{"alg": "none"}, nil)}},
		{name: "no alg", proofs: []string{with(kit.Claims{"alg": nil}, nil)}},
		{name: "HMAC keyed with the public key", proofs: []string{hmacProof(token)}},
		{name: "alg of another type of key", proofs: []string{with(kit.Claims{"alg": "RS256"}, nil)}},
		{name: "alg of another spelling", proofs: []string{with(kit.Claims{"alg": "eddsa"}, nil)}},
		{name: "no jwk", proofs: []string{with(kit.Claims{"jwk": nil}, nil)}},
		{name: "a kid for a jwk", proofs: []string{with(kit.Claims{"jwk": nil, "kid": "ed"}, nil)}},
		{name: "a jwk in a string", proofs: []string{with(kit.Claims{"jwk": jwk}, nil)}},
		{name: "a jwk with the private key", proofs: []string{private("d", testkit.B64(testkit.EdKey().Seed()))}},
		{name: "a jwk with something private", proofs: []string{private("d", "x")}},
		{name: "a jwk with a secret", proofs: []string{private("k", "AAAA")}},
		{name: "a jwk with the private key of RFC 9964", proofs: []string{private("priv", "AAAA")}},
		{name: "a symmetric jwk", proofs: []string{with(kit.Claims{"jwk": kit.Claims{"kty": "oct", "k": "AAAA"}}, nil)}},
		{name: "a jwk for encryption", proofs: []string{private("use", "enc")}},
		{name: "a jwk of another algorithm", proofs: []string{private("alg", "ES256")}},
		{name: "a jwk with a member twice", proofs: []string{head(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":` + jwk[:len(jwk)-1] + `,"x":"AAAA"}}`)}},
		{name: "a header with jwk twice", proofs: []string{head(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":` + jwk + `,"jwk":` + jwk + `}`)}},
		{name: "a header with JWK beside jwk", proofs: []string{head(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":` + jwk + `,"JWK":{}}`)}},
		{name: "a header with crit", proofs: []string{with(kit.Claims{"crit": []string{"b64"}, "b64": false}, nil)}},
		{name: "a header with b64", proofs: []string{with(kit.Claims{"b64": true}, nil)}},
		{name: "a header with zip", proofs: []string{with(kit.Claims{"zip": "DEF"}, nil)}},
		{name: "a header that is no object", proofs: []string{head(`"x"`)}},
		{name: "a key on a curve of no algorithm", proofs: []string{with(kit.Claims{"alg": "ES256", "jwk": kit.Claims{
			"kty": "EC", "crv": "P-224", "x": testkit.B64(testkit.Must(p224.PublicKey.Bytes())[1:29]), "y": testkit.B64(testkit.Must(p224.PublicKey.Bytes())[29:]),
		}}, nil)}},
		{name: "claims that are no object", proofs: []string{body(`[]`)}},
		{name: "claims with jti twice", proofs: []string{body(`{"jti":"a","jti":"b"}`)}},
		{name: "text behind the claims", proofs: []string{body(`{} {}`)}},
		{name: "a signature by nobody", proofs: []string{fine[:len(fine)-8] + "AAAAAAAA"}},
		{
			name:   "a signature over another header",
			proofs: []string{testkit.B64([]byte(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":`+jwk+`,"x":1}`)) + fine[strings.IndexByte(fine, '.'):]},
		},
		{name: "the method in lower case", proofs: []string{with(nil, kit.Claims{"htm": "get"})}},
		{name: "another method", proofs: []string{with(nil, kit.Claims{"htm": "POST"})}},
		{name: "HEAD for GET", proofs: []string{with(nil, kit.Claims{"htm": "HEAD"})}},
		{name: "61 seconds old", proofs: []string{with(nil, kit.Claims{"iat": testkit.Now.Add(-61 * time.Second).Unix()})}},
		{name: "61 seconds ahead, made in advance", proofs: []string{with(nil, kit.Claims{"iat": testkit.Now.Add(61 * time.Second).Unix()})}},
		{name: "iat in a string", proofs: []string{with(nil, kit.Claims{"iat": "1"})}},
		{name: "iat in milliseconds", proofs: []string{with(nil, kit.Claims{"iat": testkit.Now.UnixMilli()})}},
		{name: "the hash of another token", proofs: []string{with(nil, kit.Claims{"ath": testkit.Hash("other")})}},
		{name: "the hash in standard base64", proofs: []string{with(nil, kit.Claims{"ath": paddedAth(token)})}},
		{name: "the token for its hash", proofs: []string{with(nil, kit.Claims{"ath": token})}},
		{name: "another key, with a good proof", proofs: []string{testkit.Proof{Key: testkit.StrangeKey(), Token: token}.String()}, outcome: kit.BadToken},
		{name: "another key, of another type", proofs: []string{testkit.Proof{Key: testkit.P256Key(), Token: token}.String()}, outcome: kit.BadToken},
		{name: "the right jwk, signed with another key", proofs: []string{
			testkit.Proof{Key: testkit.StrangeKey(), Token: token, Header: kit.Claims{"jwk": testkit.JWK(testkit.EdKey().Public())}}.String(),
		}},
	}
	for _, name := range []string{"jti", "htm", "htu", "iat", "ath"} {
		rows = append(rows,
			proofAttack{name: "without " + name, proofs: []string{with(nil, kit.Claims{name: nil})}},
			proofAttack{name: "null for " + name, proofs: []string{body(`{"` + name + `":null}`)}},
			proofAttack{name: "a list for " + name, proofs: []string{with(nil, kit.Claims{name: []string{"GET"}})}},
			proofAttack{name: "nothing in " + name, proofs: []string{with(nil, kit.Claims{name: ""})}})
	}
	return rows
}

func hmacProof(token string) string {
	header := kit.Claims{"typ": "dpop+jwt", "alg": "HS256", "jwk": testkit.JWK(testkit.EdKey().Public())}
	payload := kit.Claims{"jti": "x", "htm": "GET", "htu": testkit.Audience + "/orders", "iat": testkit.Now.Unix(), "ath": testkit.Hash(token)}
	return testkit.Sign(string(testkit.JSON(header)), string(testkit.JSON(payload)), []byte(testkit.EdKey().Public().(ed25519.PublicKey)))
}

func paddedAth(token string) string {
	digest := sha256.Sum256([]byte(token))
	return base64.StdEncoding.EncodeToString(digest[:])
}

func TestProofsThatDoNotSuffice(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	kit.WithAndWithoutCache(t, kit.SetPublicURL, func(t *testing.T, v *middleware.Validator) {
		guard := v.Require()
		kit.WantServed(t, guard, kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String()), "200", "") // or the table would prove nothing
		for _, attack := range proofAttacks(token) {
			t.Run(attack.name, func(t *testing.T) {
				outcome, reason := kit.BadProof, middleware.ReasonProof
				if attack.outcome != "" {
					outcome, reason = attack.outcome, middleware.ReasonConfirmation
				}
				kit.WantServed(t, guard, kit.DPoPRequest(token, attack.proofs...), outcome, reason)
			})
		}
	})
}

// What section 4.3 leaves open is not narrowed.
func TestProofsThatSuffice(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	for name, p := range map[string]testkit.Proof{
		"typ in capitals":           {Header: kit.Claims{"typ": "DPOP+JWT"}},
		"typ as a whole media type": {Header: kit.Claims{"typ": "application/dpop+jwt"}},
		"the name of RFC 9864":      {Header: kit.Claims{"alg": "Ed25519"}},
		"a jwk with a kid, use and alg": {
			Header: kit.Claims{"jwk": testkit.JWK(testkit.EdKey().Public()).With(kit.Claims{"kid": "1", "use": "sig", "alg": "EdDSA"})},
		},
		"60 seconds old":                {Claims: kit.Claims{"iat": testkit.Now.Add(-60 * time.Second).Unix()}},
		"60 seconds ahead":              {Claims: kit.Claims{"iat": testkit.Now.Add(60 * time.Second).Unix()}},
		"iat with a fraction":           {Claims: kit.Claims{"iat": float64(testkit.Now.Unix()) + 0.5}},
		"a jti of 1024 bytes":           {Claims: kit.Claims{"jti": strings.Repeat("x", 1024)}},
		"claims that we do not know":    {Claims: kit.Claims{"exp": 1, "nbf": 1, "x": kit.Claims{}}},
		"a nonce that nobody asked for": {Claims: kit.Claims{"nonce": "theirs"}},
		"a query that is not in htu":    {},
		"a query and a fragment in htu": {Claims: kit.Claims{"htu": testkit.Audience + "/orders?other=1#top"}},
	} {
		t.Run(name, func(t *testing.T) {
			p.Key, p.Token = testkit.EdKey(), token
			r := kit.DPoPRequest(token, p.String())
			r.RequestURI = "/orders?page=2"
			kit.WantServed(t, kit.DPoPValidator(t, nil).Require(), r, "200", "")
		})
	}
}

func TestMaxAgeOfAProof(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	guard := kit.DPoPValidator(t, func(cfg *middleware.Config) { cfg.DPoP.MaxAge = 5 * time.Second }).Require()
	for age, outcome := range map[time.Duration]string{5: "200", 6: kit.BadProof, -5: "200", -6: kit.BadProof} {
		text := testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"iat": testkit.Now.Add(-age * time.Second).Unix()}}.String()
		if got := kit.OutcomeOf(guard, kit.DPoPRequest(token, text)); got != outcome {
			t.Errorf("%d seconds old: %q, want %q", age, got, outcome)
		}
	}
}

// FuzzProof looks for a proof that passes beside those that its writer signed for this very request.
func FuzzProof(f *testing.F) {
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	for _, attack := range proofAttacks(token) {
		for _, p := range attack.proofs {
			if segments := strings.Split(p, "."); len(segments) == 3 && len(p) < 4<<10 {
				f.Add(string(kit.DecodedPart(segments[0])), string(kit.DecodedPart(segments[1])))
			}
		}
	}
	guard := testkit.Must(middleware.New(func() middleware.Config { cfg := kit.Config(); kit.SetPublicURL(&cfg); return cfg }())).Require()
	f.Fuzz(func(t *testing.T, header, payload string) {
		r := kit.DPoPRequest(token, testkit.Sign(header, payload, testkit.EdKey()))
		if kit.Serve(guard, r).StatusCode != http.StatusOK {
			return
		}
		var h struct {
			Typ, Alg string
			JWK      map[string]any
		}
		var p struct {
			JTI, HTM, HTU, Ath string
			IAT                float64
		}
		if !readable(header, &h) || !readable(payload, &p) {
			t.Fatalf("encoding/json cannot read a proof that has passed: %q %q", header, payload)
		}
		if !strings.EqualFold(strings.TrimPrefix(strings.ToLower(h.Typ), "application/"), "dpop+jwt") || h.Alg != "EdDSA" && h.Alg != "Ed25519" ||
			h.JWK["x"] != testkit.JWK(testkit.EdKey().Public())["x"] || h.JWK["d"] != nil {
			t.Errorf("passed with the header %q", header)
		}
		if p.JTI == "" || p.HTM != "GET" || p.Ath != testkit.Hash(token) || p.IAT < float64(testkit.Now.Unix()-60) || p.IAT > float64(testkit.Now.Unix()+60) {
			t.Errorf("passed with the claims %q", payload)
		}
		if normal, ok := independentTarget(p.HTU); !ok || normal != testkit.Audience+"/orders" {
			t.Errorf("passed with htu %q", p.HTU)
		}
	})
}

// A coordinate that lends an octet to the other makes the same point, and a second spelling of the key.
func TestCoordinatesThatBorrowFromEachOther(t *testing.T) {
	key := testkit.P256Key()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(key)))
	point := testkit.Must(key.PublicKey.Bytes())[1:]
	g := kit.DPoPValidator(t, nil).Require()
	for _, half := range []int{0, 31, 32, 33, 64} {
		jwk := kit.Claims{"kty": "EC", "crv": "P-256", "x": testkit.B64(point[:half]), "y": testkit.B64(point[half:])}
		want := "401 invalid_dpop_proof"
		if half == 32 {
			want = "200"
		}
		if got := kit.OutcomeOf(g, kit.DPoPRequest(token, testkit.Proof{Key: key, Token: token, Header: kit.Claims{"jwk": jwk}}.String())); got != want {
			t.Errorf("%d octets of x: %s, want %s", half, got, want)
		}
	}
}

// Whatever comes behind it, a member of the wrong type spoils the proof.
func TestNonceOfTheWrongTypeInFrontOfTheRest(t *testing.T) {
	key := testkit.EdKey()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(key)))
	header := string(testkit.JSON(kit.Claims{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": testkit.JWK(key.Public())}))
	g := kit.DPoPValidator(t, nil).Require()
	for i, nonce := range []string{`"n"`, `5`, `null`, `["n"]`} {
		payload := fmt.Sprintf(
			`{"nonce":%s,"jti":"first-%d","htm":"GET","htu":%q,"iat":%d,"ath":%q}`, nonce, i, testkit.Audience+"/orders",
			testkit.Now.Unix(), testkit.Hash(token),
		)
		want := "401 invalid_dpop_proof"
		if i == 0 {
			want = "200"
		}
		if got := kit.OutcomeOf(g, kit.DPoPRequest(token, testkit.Sign(header, payload, key))); got != want {
			t.Errorf("nonce %s: %s, want %s", nonce, got, want)
		}
	}
}

// RFC 7515 section 4.1.11: what a header declares critical, or says of its payload, is understood or the proof refused.
func TestProofHeadersThatChangeWhatWasSigned(t *testing.T) {
	key := testkit.EdKey()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(key)))
	g := kit.DPoPValidator(t, nil).Require()
	for name, value := range map[string]any{"crit": []string{"exp"}, "b64": true, "zip": "DEF", "cty": "JWT"} {
		if got := kit.OutcomeOf(
			g, kit.DPoPRequest(token, testkit.Proof{Key: key, Token: token, Header: kit.Claims{name: value}}.String()),
		); got != "401 invalid_dpop_proof" {
			t.Errorf("a proof with %s: %s", name, got)
		}
	}
}
