package middleware_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// proofAttack is proofs that do not suffice for a token that is bound to edKey.
type proofAttack struct {
	name    string
	proofs  []string
	outcome string // empty: badProof
}

// proofAttacks is RFC 9449 section 4.3 turned round, one row for each way to fail it.
func proofAttacks(token string) []proofAttack {
	with := func(header, payload claims) string {
		return proof{key: edKey(), token: token, header: header, claims: payload}.String()
	}
	fine := with(nil, nil)
	body := func(text string) string {
		return sign(string(toJSON(claims{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwkOf(edKey().Public())})), text, edKey())
	}
	head := func(text string) string {
		return sign(text, string(toJSON(claims{"jti": "x", "htm": "GET", "htu": audience + "/orders", "iat": now.Unix(), "ath": athOf(token)})), edKey())
	}
	jwk := string(toJSON(jwkOf(edKey().Public())))
	private := func(member string, value any) string {
		return with(claims{"jwk": changed(jwkOf(edKey().Public()), claims{member: value})}, nil)
	}
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
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
		{name: "longer than 8 KiB", proofs: []string{with(nil, claims{"x": strings.Repeat("x", 8<<10)})}},
		{name: "a jti of 1 MiB", proofs: []string{with(nil, claims{"jti": strings.Repeat("x", 1<<20)})}},
		{name: "a jti of 1025 bytes", proofs: []string{with(nil, claims{"jti": strings.Repeat("x", 1025)})}},
		{name: "the access token as its own proof", proofs: []string{token}},
		{name: "typ of a plain JWT", proofs: []string{with(claims{"typ": "JWT"}, nil)}},
		{name: "typ of an access token", proofs: []string{with(claims{"typ": "at+jwt"}, nil)}},
		{name: "no typ", proofs: []string{with(claims{"typ": nil}, nil)}},
		{name: "an empty typ", proofs: []string{with(claims{"typ": ""}, nil)}},
		{name: "typ that is a media type without a name", proofs: []string{with(claims{"typ": "application/"}, nil)}},
		{name: "typ that is no string", proofs: []string{with(claims{"typ": []string{"dpop+jwt"}}, nil)}},
		{name: "alg none", proofs: []string{with(claims{"alg": "none"}, nil)}},
		{name: "no alg", proofs: []string{with(claims{"alg": nil}, nil)}},
		{name: "HMAC keyed with the public key", proofs: []string{hmacProof(token)}},
		{name: "alg of another type of key", proofs: []string{with(claims{"alg": "RS256"}, nil)}},
		{name: "alg of another spelling", proofs: []string{with(claims{"alg": "eddsa"}, nil)}},
		{name: "no jwk", proofs: []string{with(claims{"jwk": nil}, nil)}},
		{name: "a kid for a jwk", proofs: []string{with(claims{"jwk": nil, "kid": "ed"}, nil)}},
		{name: "a jwk in a string", proofs: []string{with(claims{"jwk": jwk}, nil)}},
		{name: "a jwk with the private key", proofs: []string{private("d", b64(edKey().Seed()))}},
		{name: "a jwk with something private", proofs: []string{private("d", "x")}},
		{name: "a jwk with a secret", proofs: []string{private("k", "AAAA")}},
		{name: "a jwk with the private key of RFC 9964", proofs: []string{private("priv", "AAAA")}},
		{name: "a symmetric jwk", proofs: []string{with(claims{"jwk": claims{"kty": "oct", "k": "AAAA"}}, nil)}},
		{name: "a jwk for encryption", proofs: []string{private("use", "enc")}},
		{name: "a jwk of another algorithm", proofs: []string{private("alg", "ES256")}},
		{name: "a jwk with a member twice", proofs: []string{head(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":` + jwk[:len(jwk)-1] + `,"x":"AAAA"}}`)}},
		{name: "a header with jwk twice", proofs: []string{head(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":` + jwk + `,"jwk":` + jwk + `}`)}},
		{name: "a header with JWK beside jwk", proofs: []string{head(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":` + jwk + `,"JWK":{}}`)}},
		{name: "a header with crit", proofs: []string{with(claims{"crit": []string{"b64"}, "b64": false}, nil)}},
		{name: "a header with b64", proofs: []string{with(claims{"b64": true}, nil)}},
		{name: "a header with zip", proofs: []string{with(claims{"zip": "DEF"}, nil)}},
		{name: "a header that is no object", proofs: []string{head(`"x"`)}},
		{name: "a key on a curve of no algorithm", proofs: []string{with(claims{"alg": "ES256", "jwk": claims{
			"kty": "EC", "crv": "P-224", "x": b64(must(p224.PublicKey.Bytes())[1:29]), "y": b64(must(p224.PublicKey.Bytes())[29:]),
		}}, nil)}},
		{name: "claims that are no object", proofs: []string{body(`[]`)}},
		{name: "claims with jti twice", proofs: []string{body(`{"jti":"a","jti":"b"}`)}},
		{name: "text behind the claims", proofs: []string{body(`{} {}`)}},
		{name: "a signature by nobody", proofs: []string{fine[:len(fine)-8] + "AAAAAAAA"}},
		{name: "a signature over another header", proofs: []string{b64([]byte(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":`+jwk+`,"x":1}`)) + fine[strings.IndexByte(fine, '.'):]}},
		{name: "the method in lower case", proofs: []string{with(nil, claims{"htm": "get"})}},
		{name: "another method", proofs: []string{with(nil, claims{"htm": "POST"})}},
		{name: "HEAD for GET", proofs: []string{with(nil, claims{"htm": "HEAD"})}},
		{name: "61 seconds old", proofs: []string{with(nil, claims{"iat": now.Add(-61 * time.Second).Unix()})}},
		{name: "61 seconds ahead, made in advance", proofs: []string{with(nil, claims{"iat": now.Add(61 * time.Second).Unix()})}},
		{name: "iat in a string", proofs: []string{with(nil, claims{"iat": "1"})}},
		{name: "iat in milliseconds", proofs: []string{with(nil, claims{"iat": now.UnixMilli()})}},
		{name: "the hash of another token", proofs: []string{with(nil, claims{"ath": athOf("other")})}},
		{name: "the hash in standard base64", proofs: []string{with(nil, claims{"ath": paddedAth(token)})}},
		{name: "the token for its hash", proofs: []string{with(nil, claims{"ath": token})}},
		{name: "another key, with a good proof", proofs: []string{proof{key: strangeKey(), token: token}.String()}, outcome: badToken},
		{name: "another key, of another type", proofs: []string{proof{key: p256Key(), token: token}.String()}, outcome: badToken},
		{name: "the right jwk, signed with another key", proofs: []string{
			proof{key: strangeKey(), token: token, header: claims{"jwk": jwkOf(edKey().Public())}}.String(),
		}},
	}
	for _, name := range []string{"jti", "htm", "htu", "iat", "ath"} {
		rows = append(rows,
			proofAttack{name: "without " + name, proofs: []string{with(nil, claims{name: nil})}},
			proofAttack{name: "null for " + name, proofs: []string{body(`{"` + name + `":null}`)}},
			proofAttack{name: "a list for " + name, proofs: []string{with(nil, claims{name: []string{"GET"}})}},
			proofAttack{name: "nothing in " + name, proofs: []string{with(nil, claims{name: ""})}})
	}
	return rows
}

func hmacProof(token string) string {
	header := claims{"typ": "dpop+jwt", "alg": "HS256", "jwk": jwkOf(edKey().Public())}
	payload := claims{"jti": "x", "htm": "GET", "htu": audience + "/orders", "iat": now.Unix(), "ath": athOf(token)}
	return sign(string(toJSON(header)), string(toJSON(payload)), []byte(edKey().Public().(ed25519.PublicKey)))
}

func paddedAth(token string) string {
	digest := sha256.Sum256([]byte(token))
	return base64.StdEncoding.EncodeToString(digest[:])
}

func TestProofsThatDoNotSuffice(t *testing.T) {
	token := mint(good(boundTo(edKey())))
	eachWay(t, public, func(t *testing.T, v *middleware.Validator) {
		guard := v.Require()
		wantServed(t, guard, dpopRequest(token, proof{key: edKey(), token: token}.String()), "200", "") // or the table would prove nothing
		for _, attack := range proofAttacks(token) {
			t.Run(attack.name, func(t *testing.T) {
				outcome, reason := badProof, middleware.ReasonProof
				if attack.outcome != "" {
					outcome, reason = attack.outcome, middleware.ReasonConfirmation
				}
				wantServed(t, guard, dpopRequest(token, attack.proofs...), outcome, reason)
			})
		}
	})
}

// What section 4.3 leaves open is not narrowed.
func TestProofsThatSuffice(t *testing.T) {
	token := mint(good(boundTo(edKey())))
	for name, p := range map[string]proof{
		"typ in capitals":               {header: claims{"typ": "DPOP+JWT"}},
		"typ as a whole media type":     {header: claims{"typ": "application/dpop+jwt"}},
		"the name of RFC 9864":          {header: claims{"alg": "Ed25519"}},
		"a jwk with a kid, use and alg": {header: claims{"jwk": changed(jwkOf(edKey().Public()), claims{"kid": "1", "use": "sig", "alg": "EdDSA"})}},
		"60 seconds old":                {claims: claims{"iat": now.Add(-60 * time.Second).Unix()}},
		"60 seconds ahead":              {claims: claims{"iat": now.Add(60 * time.Second).Unix()}},
		"iat with a fraction":           {claims: claims{"iat": float64(now.Unix()) + 0.5}},
		"a jti of 1024 bytes":           {claims: claims{"jti": strings.Repeat("x", 1024)}},
		"claims that we do not know":    {claims: claims{"exp": 1, "nbf": 1, "x": claims{}}},
		"a nonce that nobody asked for": {claims: claims{"nonce": "theirs"}},
		"a query that is not in htu":    {},
		"a query and a fragment in htu": {claims: claims{"htu": audience + "/orders?other=1#top"}},
	} {
		t.Run(name, func(t *testing.T) {
			p.key, p.token = edKey(), token
			r := dpopRequest(token, p.String())
			r.RequestURI = "/orders?page=2"
			wantServed(t, withDPoP(t, nil).Require(), r, "200", "")
		})
	}
}

func TestMaxAgeOfAProof(t *testing.T) {
	token := mint(good(boundTo(edKey())))
	guard := withDPoP(t, func(cfg *middleware.Config) { cfg.DPoP.MaxAge = 5 * time.Second }).Require()
	for age, outcome := range map[time.Duration]string{5: "200", 6: badProof, -5: "200", -6: badProof} {
		text := proof{key: edKey(), token: token, claims: claims{"iat": now.Add(-age * time.Second).Unix()}}.String()
		if got := outcomeOf(guard, dpopRequest(token, text)); got != outcome {
			t.Errorf("%d seconds old: %q, want %q", age, got, outcome)
		}
	}
}

// FuzzProof looks for a proof that passes beside those that its writer signed for this very request.
func FuzzProof(f *testing.F) {
	token := mint(good(boundTo(edKey())))
	for _, attack := range proofAttacks(token) {
		for _, p := range attack.proofs {
			if segments := strings.Split(p, "."); len(segments) == 3 && len(p) < 4<<10 {
				f.Add(string(decoded(segments[0])), string(decoded(segments[1])))
			}
		}
	}
	guard := must(middleware.New(func() middleware.Config { cfg := config(); public(&cfg); return cfg }())).Require()
	f.Fuzz(func(t *testing.T, header, payload string) {
		r := dpopRequest(token, sign(header, payload, edKey()))
		if serve(guard, r).StatusCode != http.StatusOK {
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
			h.JWK["x"] != jwkOf(edKey().Public())["x"] || h.JWK["d"] != nil {
			t.Errorf("passed with the header %q", header)
		}
		if p.JTI == "" || p.HTM != "GET" || p.Ath != athOf(token) || p.IAT < float64(now.Unix()-60) || p.IAT > float64(now.Unix()+60) {
			t.Errorf("passed with the claims %q", payload)
		}
		if normal, ok := independentTarget(p.HTU); !ok || normal != audience+"/orders" {
			t.Errorf("passed with htu %q", p.HTU)
		}
	})
}
