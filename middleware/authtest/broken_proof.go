package authtest

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"iter"
	"maps"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// BrokenProofs returns values of the DPoP field that no resource server may accept for a request of this method and url with
// a token that is bound to key, each under the name of what is wrong with it. Like Broken it makes them anew for every
// iteration, and nothing but the one flaw is wrong with them: Proof with the same arguments is good.
//
// They suit servers whose DPoP.MaxAge is no more than five minutes, as [middleware.New] wants it, and which demand no nonces:
// there, all of them fail for that reason too.
func (i *Issuer) BrokenProofs(key crypto.Signer, token, method, url string) iter.Seq2[string, string] {
	i.tb.Helper()
	return func(yield func(name, proof string) bool) {
		for _, row := range proofGallery {
			proof, err := i.brokenProof(row.make, key, proofClaims(token, method, url))
			if err != nil {
				i.tb.Fatalf("authtest: BrokenProofs, %s: %v", row.name, err)
				return
			}
			if !yield(row.name, proof) {
				return
			}
		}
	}
}

// prover is what a broken proof begins with: all that a good one is made of.
type prover struct {
	issuer *Issuer
	key    *signingKey
	claims Claims // complete but for jti and iat
	now    time.Time
}

type proofMaker func(prover) (string, error)

func (i *Issuer) brokenProof(forge proofMaker, private crypto.Signer, claims Claims) (string, error) {
	key, err := clientKey(private)
	if err != nil {
		return "", err
	}
	return forge(prover{issuer: i, key: key, claims: claims, now: i.now()})
}

// mint makes a proof of good parts, of which h and c replace some.
func (p prover) mint(h Header, c Claims) (string, error) {
	claims := maps.Clone(p.claims)
	maps.Copy(claims, c) // with the nils, which remove defaults
	return mintProof(p.key.private, p.now, h, claims)
}

// payload is the text of good claims.
func (p prover) payload() (string, error) {
	text, err := json.Marshal(merge(p.claims, Claims{"jti": rand.Text(), "iat": p.now}))
	return string(text), err
}

// proofGallery is in the order in which a proof is judged: form, header, key, signature, claims.
var proofGallery = []struct {
	name string
	make proofMaker
}{
	{"nothing in the field", proofText("")},
	{"no proof at all", proofText("proof")},
	{"two segments", editedProof(func(h, p, _ string) string { return join(h, p) })},
	{"four segments", editedProof(func(h, p, s string) string { return join(h, p, s, s) })},
	{"two proofs in a list", editedProof(func(h, p, s string) string { return join(h, p, s) + ", " + join(h, p, s) })},
	{"a JWS in the JSON serialization", editedProof(func(h, p, s string) string {
		return `{"protected":"` + h + `","payload":"` + p + `","signature":"` + s + `"}`
	})},
	{"padding after the signature", editedProof(func(h, p, s string) string { return join(h, p, s+"==") })},
	{"no signature", editedProof(func(h, p, _ string) string { return join(h, p, "") })},
	{"an altered signature", editedProof(func(h, p, s string) string { return join(h, p, altered(s)) })},
	{"longer than any proof", proofClaim("padding", strings.Repeat("a", 1<<16))},

	{"no typ", proofMember("typ", nil)},
	{"typ JWT", proofMember("typ", "JWT")},
	{"typ at+jwt", proofMember("typ", "at+jwt")},
	{"a typ that is no text", proofMember("typ", []string{proofType})},
	{"an access token in the place of the proof", func(p prover) (string, error) { return p.issuer.mint(nil, p.claims) }},
	{"no alg", proofMember("alg", nil)},
	{"alg none", proofMember("alg", "none")},
	{"an alg that does not fit the key", misfit},
	{"HS256 with the jwk for its secret", symmetricProof(func(p prover) any { return publicMembers(p.key.private.Public()) })},
	{"HS256 with a symmetric jwk", symmetricProof(func(prover) any { return map[string]string{"kty": "oct", "k": encode(make([]byte, 32))} })},
	{"a critical extension (crit)", proofHeader(Header{"crit": []string{"urn:example:must"}, "urn:example:must": true})},
	{"an unencoded payload (b64)", proofHeader(Header{"crit": []string{"b64"}, "b64": false})},
	{"typ twice", proofHeaderText(func(h string) string { return `{"typ":"` + proofType + `",` + h[1:] })},

	{"no jwk", proofMember("jwk", nil)},
	{"a kid in the place of the jwk", proofHeader(Header{"jwk": nil, "kid": "client-key"})},
	{"a jwk that is no object", proofMember("jwk", "client-key")},
	{"a jwk with its private half (d)", ownJWK(map[string]string{"d": encode(make([]byte, 32))})},
	{"a jwk for encryption", ownJWK(map[string]string{"use": "enc"})},
	{"another key, whose owner has stolen the token", otherClient},
	{"the right jwk over the signature of another key", wrongSignature},
	{"claims changed after signing", swappedProof},

	{"no jti", proofClaim("jti", nil)},
	{"an empty jti", proofClaim("jti", "")},
	{"a jti that is no text", proofClaim("jti", 7)},
	{"a jti that is longer than any store would like", proofClaim("jti", strings.Repeat("j", 2<<10))},
	{"no htm", proofClaim("htm", nil)},
	{"another method", proofClaim("htm", "BREW")},
	{"the method in lower case", proofAbout("htm", strings.ToLower)},
	{"no htu", proofClaim("htu", nil)},
	{"an htu that is only a path", proofClaim("htu", "/")},
	{"another host", proofClaim("htu", "https://evil.example.test/")},
	{"the host behind user information", proofAbout("htu", func(u string) string { return strings.Replace(u, "://", "://evil@", 1) })},
	{"the host with a dot at its end", proofAbout("htu", dotted)},
	{"another path", proofAbout("htu", func(u string) string { return u + "/elsewhere" })},
	{"an escaped slash at the end of the path", proofAbout("htu", func(u string) string { return u + "%2f" })},
	{"another scheme", proofAbout("htu", otherScheme)},
	{"no iat", proofClaim("iat", nil)},
	{"an iat that is text", proofClaim("iat", "2999-01-01T00:00:00Z")},
	{"an iat beyond all time", proofClaim("iat", 1e300)},
	{"made ten minutes ago", proofDated(-10 * time.Minute)},
	{"made for ten minutes from now", proofDated(10 * time.Minute)},
	{"no ath", proofClaim("ath", nil)},
	{"made for another token", proofClaim("ath", TokenHash("another token"))},
	{"an ath with padding", proofAbout("ath", func(ath string) string { return ath + "=" })},
	{"a claim twice", proofPayload(func(p string) string { return `{"htm":"GET",` + p[1:] })},
	{"a payload that is no JSON", proofPayload(func(string) string { return "htm=GET" })},
}

func proofText(text string) proofMaker {
	return func(prover) (string, error) { return text, nil }
}

func proofHeader(h Header) proofMaker {
	return func(p prover) (string, error) { return p.mint(h, nil) }
}

func proofMember(name string, value any) proofMaker { return proofHeader(Header{name: value}) }

func proofClaim(name string, value any) proofMaker {
	return func(p prover) (string, error) { return p.mint(nil, Claims{name: value}) }
}

// proofAbout derives a claim from its good value.
func proofAbout(name string, change func(good string) string) proofMaker {
	return func(p prover) (string, error) {
		good, _ := p.claims[name].(string)
		return p.mint(nil, Claims{name: change(good)})
	}
}

func proofDated(offset time.Duration) proofMaker {
	return func(p prover) (string, error) { return p.mint(nil, Claims{"iat": p.now.Add(offset)}) }
}

// proofPayload signs a changed text of good claims.
func proofPayload(change func(text string) string) proofMaker {
	return func(p prover) (string, error) {
		good, err := p.payload()
		if err != nil {
			return "", err
		}
		return assemble(p.key.proofHeader(), change(good), p.key.sign)
	}
}

// symmetricProof signs with a secret that everybody can read in the proof (RFC 9449 section 4.3, item 5).
func symmetricProof(jwk func(prover) any) proofMaker {
	return func(p prover) (string, error) {
		shown := jwk(p)
		secret, err := json.Marshal(shown)
		if err != nil {
			return "", err
		}
		payload, err := p.payload()
		if err != nil {
			return "", err
		}
		return assemble(Header{"typ": proofType, "alg": "HS256", "jwk": shown}, payload, func(input string) ([]byte, error) {
			return jwt.SigningMethodHS256.Sign(input, secret)
		})
	}
}
