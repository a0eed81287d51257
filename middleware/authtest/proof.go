package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// proofType is the typ of a DPoP proof (RFC 9449 section 4.2).
const proofType = "dpop+jwt"

// Proof returns a DPoP proof (RFC 9449 section 4.2) for one request with token: its method, and its url as the client
// calls it, which may have a query. The time is that of SetClock. Every proof has a jti of its own, and is good once.
//
// The key is the client's: an [ed25519.PrivateKey], an [*ecdsa.PrivateKey] or an [*rsa.PrivateKey], which signs with PS256.
// The token is to be bound to it:
//
//	token := issuer.Token(authtest.Claims{"cnf": authtest.Claims{"jkt": authtest.Thumbprint(key)}})
//	request.Header.Set("Authorization", "DPoP "+token)
//	request.Header.Set("DPoP", issuer.Proof(key, token, http.MethodGet, "https://orders.example.com/orders"))
//
// [DPoPTransport] does the same for every request of an [net/http.Client], nonces included.
func (i *Issuer) Proof(key crypto.Signer, token, method, url string) string {
	i.tb.Helper()
	return i.MintProof(key, nil, proofClaims(token, method, url))
}

// MintProof is Proof with a say in everything, for nonces and for proofs that are to be refused. Of the header, typ, alg
// and jwk have defaults, and of the claims jti and iat; the others are for c to give: htm, htu, ath ([TokenHash]) and nonce.
func (i *Issuer) MintProof(key crypto.Signer, h Header, c Claims) string {
	i.tb.Helper()
	proof, err := mintProof(key, i.now(), h, c)
	if err != nil {
		i.tb.Fatalf("%v", err)
	}
	return proof
}

// Thumbprint returns the SHA-256 thumbprint of the public half of key (RFC 7638), which is the jkt of a token that is bound
// to it (RFC 9449 section 6.1). It is empty for keys that Proof does not take.
func Thumbprint(key crypto.Signer) string {
	k, err := clientKey(key)
	if err != nil {
		return ""
	}
	return k.public.Thumbprint()
}

// TokenHash returns the ath of proofs for token (RFC 9449 section 4.2).
func TokenHash(token string) string {
	digest := sha256.Sum256([]byte(token))
	return encode(digest[:])
}

// proofClaims are those claims of a proof that tell what it is for.
func proofClaims(token, method, url string) Claims {
	return Claims{"htm": method, "htu": withoutQuery(url), "ath": TokenHash(token)}
}

func mintProof(key crypto.Signer, now time.Time, h Header, c Claims) (string, error) {
	k, err := clientKey(key)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(merge(Claims{"jti": rand.Text(), "iat": now}, c))
	if err != nil {
		return "", fmt.Errorf("authtest: the claims of the proof cannot be written as JSON: %w", err)
	}
	return assemble(merge(k.proofHeader(), h), string(payload), k.sign)
}

// proofHeader brings the public key along, as every proof does.
func (k *signingKey) proofHeader() Header {
	return Header{"typ": proofType, "alg": k.algorithm.name, "jwk": publicMembers(k.private.Public())}
}

// clientKey is a key that a client made.
func clientKey(private crypto.Signer) (*signingKey, error) {
	name := ""
	switch private := private.(type) {
	case ed25519.PrivateKey:
		name = "EdDSA"
	case *rsa.PrivateKey:
		name = "PS256"
	case *ecdsa.PrivateKey:
		name = map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[private.Params().Name]
	}
	for n := range algorithms {
		if algorithms[n].name != name {
			continue
		}
		public, err := jwks.NewKey("", name, private.Public())
		if err != nil {
			return nil, fmt.Errorf("authtest: the key of the proof: %w", err)
		}
		return &signingKey{algorithm: &algorithms[n], private: private, public: public}, nil
	}
	return nil, fmt.Errorf("authtest: a %T makes no proofs: use an ed25519.PrivateKey, an *rsa.PrivateKey, "+
		"or an *ecdsa.PrivateKey on P-256, P-384 or P-521", private)
}
