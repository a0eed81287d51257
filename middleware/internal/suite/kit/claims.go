package kit

import (
	"crypto"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// WithJSON is an object with one more member whose value is written as JSON text.
func WithJSON(c Claims, name, value string) string {
	return fmt.Sprintf(`{%s,%q:%s}`, Members(testkit.JSON(c)), name, value)
}

// Members are those of a JSON object without its braces.
func Members(object []byte) string { return string(object[1 : len(object)-1]) }

// JSONNull is written as null; a nil in claims would be left out.
type JSONNull struct{}

func (JSONNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Claims are the members of a JSON object, most often of the payload of a token.
type Claims = testkit.Claims

// GoodClaims are the claims of a token that every default Validator accepts; changes override, nil removes.
func GoodClaims(changes Claims) Claims {
	return Claims{
		"iss": testkit.Issuer, "aud": testkit.Audience, "sub": "user-1", "client_id": "client-1", "jti": "token-1",
		"exp": testkit.Now.Add(time.Hour).Unix(), "iat": testkit.Now.Unix(), "scope": "read write",
	}.With(changes)
}

// ActiveAnswer is an answer that every default Validator accepts; changes override, nil removes.
func ActiveAnswer(changes Claims) Claims {
	c := GoodClaims(Claims{"active": true, "token_type": "Bearer"})
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return c
}

// BoundTo is the cnf of a token for a client's key.
func BoundTo(key crypto.Signer) Claims { return Claims{"cnf": Claims{"jkt": Thumbprint(key.Public())}} }
