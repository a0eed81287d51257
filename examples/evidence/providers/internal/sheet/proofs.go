package sheet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Prover is a client with a key of its own (RFC 9449), without anybody's library, so that it can also do what none of them would.
type Prover struct{ key *ecdsa.PrivateKey }

// NewProver makes a Prover with a fresh P-256 key.
func NewProver() (*Prover, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &Prover{key}, err
}

type object = map[string]any

func encode[T string | []byte](b T) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

// jwk is the public key.
func (p *Prover) jwk() object {
	point, err := p.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err) // of a key that ecdsa has made
	}
	return object{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
}

// Proof is a good one for a request. An empty token is none, as at a token endpoint.
func (p *Prover) Proof(method, url, token string) string {
	return p.proof(method, url, token, nil, nil)
}

// ProofWithNonce is one for a server that wants its nonce in it (RFC 9449 section 8). An empty nonce is none.
func (p *Prover) ProofWithNonce(method, url, nonce string) string {
	if nonce == "" {
		return p.Proof(method, url, "")
	}
	return p.proof(method, url, "", nil, object{"nonce": nonce})
}

// proof makes one in which members of header and claims replace those of a good one; nil removes a member.
func (p *Prover) proof(method, url, token string, header, claims object) string {
	return p.sign(replaced(p.header(), header), replaced(claimsOf(method, url, token), claims))
}

func (p *Prover) header() object { return object{"typ": "dpop+jwt", "alg": "ES256", "jwk": p.jwk()} }

func claimsOf(method, url, token string) object {
	c := object{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix()}
	if token != "" {
		hash := sha256.Sum256([]byte(token))
		c["ath"] = encode(hash[:])
	}
	return c
}

func replaced(members, changes object) object {
	for name, value := range changes {
		if value == nil {
			delete(members, name)
		} else {
			members[name] = value
		}
	}
	return members
}

func (p *Prover) sign(header, claims object) string {
	input := join(header, claims)
	hash := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, hash[:])
	if err != nil {
		panic(err) // of a key that ecdsa has made
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + encode(signature[:])
}

// signHMAC signs with the public key as the secret of HS256.
func (p *Prover) signHMAC(header, claims object) string {
	input := join(header, claims)
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, point)
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil))
}

func join(header, claims object) string {
	return encode(marshal(header)) + "." + encode(marshal(claims))
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of strings and numbers
	}
	return text
}

// WantProofs asks with proofs: good ones, and many that are not. The token is bound to the key of owner; sibling is another token
// that is bound to it, unbound one that is bound to nothing. Reasons are those of the check that must refuse.
func (s *Sheet) WantProofs(q Question, api *API, owner *Prover, token, sibling, unbound string) error {
	thief, err := NewProver()
	if err != nil {
		return err
	}
	url := api.URL + "/any"
	send := func(scheme string, proofs ...string) Answer {
		header := http.Header{"Authorization": {scheme + " " + token}}
		if len(proofs) > 0 {
			header["Dpop"] = proofs
		}
		return api.Send("GET", "/any", header)
	}
	good := func() string { return owner.Proof("GET", url, token) }
	forged := func(header, claims object) string { return owner.proof("GET", url, token, header, claims) }
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }
	want := func(name, wanted string, got Answer) { s.Want(q, name, wanted, got) }

	want("a good proof", "200", send("DPoP", good()))
	want("another good proof for the same token", "200", send("DPoP", good()))
	want("a good proof with a query in the URL of the request", "200", api.Send("GET", "/any?page=2",
		http.Header{"Authorization": {"DPoP " + token}, "Dpop": {good()}}))

	used := good()
	want("a proof that will come again", "200", send("DPoP", used))
	want("a proof that has been used", "401 proof_replay", send("DPoP", used))
	want("no proof", "401 proof", send("DPoP"))
	want("two proofs, both good", "401 proof", send("DPoP", good(), good()))
	want("two proofs in one field", "401 proof", send("DPoP", good()+", "+good()))
	want("an empty field", "401 proof", send("DPoP", ""))
	want("a proof that is the access token", "401 proof", send("DPoP", token))
	want("htm of another method", "401 proof", send("DPoP", forged(nil, object{"htm": "POST"})))
	want("htm in lower case", "401 proof", send("DPoP", forged(nil, object{"htm": "get"})))
	want("no htm", "401 proof", send("DPoP", forged(nil, object{"htm": nil})))
	want("htu of another route", "401 proof", send("DPoP", forged(nil, object{"htu": api.URL + "/read"})))
	want("htu of another host", "401 proof", send("DPoP", forged(nil, object{"htu": "https://evil.example.com/any"})))
	want("no htu", "401 proof", send("DPoP", forged(nil, object{"htu": nil})))
	want("ath of another token with the same key", "401 proof", send("DPoP", owner.Proof("GET", url, sibling)))
	want("no ath", "401 proof", send("DPoP", forged(nil, object{"ath": nil})))
	want("iat ten minutes ago", "401 proof", send("DPoP", forged(nil, object{"iat": ago(10 * time.Minute)})))
	want("iat ten minutes ahead", "401 proof", send("DPoP", forged(nil, object{"iat": ago(-10 * time.Minute)})))
	want("no iat", "401 proof", send("DPoP", forged(nil, object{"iat": nil})))
	want("iat as a string", "401 proof", send("DPoP", forged(nil, object{"iat": "now"})))
	want("no jti", "401 proof", send("DPoP", forged(nil, object{"jti": nil})))
	want("the key of a thief", "401 confirmation", send("DPoP", thief.Proof("GET", url, token)))
	want("the key of the owner, the signature of a thief", "401 proof", send("DPoP", thief.proof("GET", url, token, object{"jwk": owner.jwk()}, nil)))
	want("one character of the signature changed", "401 proof", send("DPoP", Changed(good())))
	unsigned := good()
	want("no signature", "401 proof", send("DPoP", unsigned[:strings.LastIndexByte(unsigned, '.')+1]))
	want("typ JWT", "401 proof", send("DPoP", forged(object{"typ": "JWT"}, nil)))
	want("no typ", "401 proof", send("DPoP", forged(object{"typ": nil}, nil)))
	want("no jwk", "401 proof", send("DPoP", forged(object{"jwk": nil}, nil)))
	private := replaced(owner.jwk(), object{"d": encode(make([]byte, 32))})
	want("a private member in jwk", "401 proof", send("DPoP", forged(object{"jwk": private}, nil)))
	want(`alg "none"`, "401 proof", send("DPoP", forged(object{"alg": "none"}, nil)))
	want("alg of another kind of key", "401 proof", send("DPoP", forged(object{"alg": "RS256"}, nil)))
	want("alg of another curve", "401 proof", send("DPoP", forged(object{"alg": "ES384"}, nil)))
	want("HS256 with the public key as the secret", "401 proof",
		send("DPoP", owner.signHMAC(replaced(owner.header(), object{"alg": "HS256"}), claimsOf("GET", url, token))))
	want("the bound token as Bearer", "401 confirmation", send("Bearer"))
	want("the bound token as Bearer, with a good proof", "401 confirmation", send("Bearer", good()))
	if unbound != "" {
		want("a token that is not bound, under DPoP", "401 confirmation", api.Send("GET", "/any", http.Header{
			"Authorization": {"DPoP " + unbound}, "Dpop": {owner.Proof("GET", url, unbound)},
		}))
	}
	want("a good proof after all that", "200", send("DPoP", good()))
	return nil
}
