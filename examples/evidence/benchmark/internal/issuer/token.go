package issuer

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// lifetime outlasts every run.
const lifetime = 2 * time.Hour

// claims are those of an access token of ordinary size: some 700 bytes in the manner of RFC 9068.
func (i *Issuer) claims(serial int) jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss":       i.URL,
		"sub":       fmt.Sprintf("248289761001-%08d", serial),
		"aud":       []string{Audience, "https://other.example.com", "https://third.example.com"},
		"exp":       now.Add(lifetime).Unix(),
		"nbf":       now.Add(-time.Minute).Unix(),
		"iat":       now.Add(-time.Minute).Unix(),
		"jti":       fmt.Sprintf("6a0c6e7e-7c0e-4b62-8d38-%012d", serial),
		"client_id": "client-1",
		"azp":       "client-1",
		"scope":     "read write orders:read orders:write profile email",
		"roles":     []string{"admin", "editor", "viewer", "auditor", "support"},
		"acr":       "urn:example:gold",
		"amr":       []string{"pwd", "otp"},
		"auth_time": now.Add(-time.Hour).Unix(),
		"locale":    "de-AT",
		"username":  "alice.example@example.com",
		"sid":       "5d1f1a3e-6f0a-4c59-9b0e-0c8f4e2f1c77",
		"tenant": map[string]any{
			"id": "b7c4c4f0-3b1f-4d5e-9a63-2f0c8f4e2f1c", "name": "Example GmbH", "region": "eu-central-1",
			"plan": map[string]any{"name": "enterprise", "seats": 250},
		},
	}
}

// Token mints an access token. Tokens of different serial numbers differ; change may replace claims.
func (i *Issuer) Token(serial int, change ...func(jwt.MapClaims)) string {
	claims := i.claims(serial)
	for _, apply := range change {
		apply(claims)
	}
	token := jwt.NewWithClaims(i.method, claims)
	token.Header["kid"] = keyID
	token.Header["typ"] = "at+jwt"
	raw, err := token.SignedString(i.key)
	if err != nil {
		panic(err) // the key was made for the algorithm
	}
	return raw
}

// Opaque is an access token that says nothing. The introspection endpoint says of it what is in a Token.
func (i *Issuer) Opaque() string { return i.opaque }

func newOpaque() string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

// Answer is what the introspection endpoint says of a token that is active.
func (i *Issuer) Answer() []byte {
	claims := i.claims(1)
	claims["active"] = true
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err) // the claims are made above
	}
	return text
}

// introspect answers RFC 7662 requests, all with the same.
func (i *Issuer) introspect(w http.ResponseWriter, r *http.Request) {
	claims := jwt.MapClaims{"active": false}
	if r.PostFormValue("token") == i.opaque {
		claims = i.claims(1)
		claims["active"] = true
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(claims) // a caller who has gone needs no answer
}

// Expired is long past, whatever leeway a library grants.
func Expired(claims jwt.MapClaims) { claims["exp"] = time.Now().Add(-time.Hour).Unix() }

// ForAnotherAPI names audiences, but not ours.
func ForAnotherAPI(claims jwt.MapClaims) { claims["aud"] = []string{"https://other.example.com"} }

// FromAnotherIssuer names an issuer that nobody trusts.
func FromAnotherIssuer(claims jwt.MapClaims) { claims["iss"] = "https://evil.example.com" }

// WithoutScope grants less than is demanded.
func WithoutScope(claims jwt.MapClaims) { claims["scope"] = "read profile" }

// Forged is token with a signature that is well-formed and wrong: one character in its middle is another.
func Forged(token string) string {
	at := (strings.LastIndexByte(token, '.') + len(token)) / 2
	other := byte('A')
	if token[at] == other {
		other = 'B'
	}
	return token[:at] + string(other) + token[at+1:]
}

// UnderUnknownKey is token with a header that names a key which nobody has, another for every serial number.
func UnderUnknownKey(algorithm, token string, serial int) string {
	header := fmt.Sprintf(`{"alg":%q,"kid":"made-up-%08d","typ":"at+jwt"}`, algorithm, serial)
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
}

// Garbage has the length, the alphabet and the dots of token, and is none.
func Garbage(token string, serial int) string {
	text := []byte(token)
	state := uint64(serial)*2862933555777941757 + 3037000493
	for at, c := range text {
		if c == '.' {
			continue
		}
		state = state*6364136223846793005 + 1442695040888963407
		text[at] = base64Alphabet[state>>58]
	}
	return string(text)
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
