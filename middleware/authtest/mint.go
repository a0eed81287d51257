package authtest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Claims are the claims of a token. They replace and extend the defaults, and a nil value removes a claim. A [time.Time]
// becomes a NumericDate in whole seconds; everything else is written as [encoding/json] does.
//
// The defaults are iss (the issuer's URL), sub ("alice"), aud (the last audience given to Config; before that
// "https://api.example.test"), client_id, iat (now),
// exp (an hour later) and a jti of its own for every token.
type Claims map[string]any

// Header is the JOSE header of a token. Like Claims it replaces and extends the defaults, which are typ ("at+jwt", RFC
// 9068 section 2.1), alg ("ES256") and the kid of the key; a nil value removes a member.
//
// The value of alg chooses the key that signs: RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA and Ed25519 have
// one each. With "none" the token is not signed, and has no kid. The RSA keys are made when the first of them is used,
// which takes some tenths of a second.
type Header map[string]any

const lifetime = time.Hour

// Token returns an access token of this issuer: a JWT after RFC 9068. Token(nil) is as good as any; Claims{"scope":
// "orders:read"} gives it scopes, and Claims{"exp": …} or Claims{"aud": nil} make it bad. It must be possible to write
// the claims as JSON.
func (i *Issuer) Token(c Claims) string {
	i.tb.Helper()
	return i.Mint(nil, c)
}

// Mint is Token with a say in the header, for other algorithms and for tokens that are to be refused.
func (i *Issuer) Mint(h Header, c Claims) string {
	i.tb.Helper()
	token, err := i.mint(h, c)
	if err != nil {
		i.tb.Fatalf("%v", err)
	}
	return token
}

// Sign returns a JWT whose payload is text as it stands, which need be no JSON. The header is that of Mint.
func (i *Issuer) Sign(h Header, text string) string {
	i.tb.Helper()
	token, err := i.sign(h, text)
	if err != nil {
		i.tb.Fatalf("%v", err)
	}
	return token
}

// OpaqueToken returns a token that says nothing by itself. The introspection endpoint answers with c (RFC 7662 section
// 2.2): the defaults of Claims, with token_type "Bearer" beside them ("DPoP" if cnf binds the token to a key), and active as
// long as exp and nbf allow and the token has not been revoked. The Issuer keeps it until its end.
func (i *Issuer) OpaqueToken(c Claims) string {
	i.tb.Helper()
	token, err := i.opaqueToken(c)
	if err != nil {
		i.tb.Fatalf("%v", err)
	}
	return token
}

func (i *Issuer) opaqueToken(c Claims) (string, error) {
	text, err := json.Marshal(merge(i.defaults(), Claims{"token_type": "Bearer"}, c))
	if err != nil {
		return "", fmt.Errorf("authtest: the claims cannot be written as JSON: %w", err)
	}
	var claims Claims // a copy that the caller cannot reach
	decode(text, &claims)
	cnf, _ := claims["cnf"].(map[string]any)
	if _, given := c["token_type"]; !given && cnf["jkt"] != nil {
		claims["token_type"] = "DPoP" // RFC 9449 section 6.2
	}
	token := "at_" + rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.opaque[token] = claims
	return token, nil
}

// Revoke lets the introspection endpoint call token inactive. It knows opaque tokens and JWTs; a Validator that only
// verifies JWTs goes on accepting them until they expire (see [middleware.VerifyAndIntrospectJWTs]).
func (i *Issuer) Revoke(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.revoked[token] = true
}

// defaults are the claims of a token about which nothing else is said.
func (i *Issuer) defaults() Claims {
	i.mu.Lock()
	audience := i.audience
	i.mu.Unlock()
	return newClaims(i.url, audience, i.now())
}

func newClaims(issuer, audience string, now time.Time) Claims {
	return Claims{
		"iss":       issuer,
		"sub":       "alice",
		"aud":       audience,
		"client_id": clientID,
		"iat":       now,
		"exp":       now.Add(lifetime),
		"jti":       rand.Text(),
	}
}

func (i *Issuer) mint(h Header, c Claims) (string, error) {
	payload, err := json.Marshal(merge(i.defaults(), c))
	if err != nil {
		return "", fmt.Errorf("authtest: the claims cannot be written as JSON: %w", err)
	}
	return i.sign(h, string(payload))
}

func (i *Issuer) sign(h Header, payload string) (string, error) {
	name, ok := merge(Header{"alg": defaultAlgorithm}, h)["alg"].(string)
	if !ok {
		name = defaultAlgorithm // the header is to have no alg, or one that is no text
	}
	if name == "none" {
		return assemble(merge(Header{"typ": "at+jwt", "alg": name}, h), payload, unsigned)
	}
	key, err := i.keys.signer(name)
	if err != nil {
		return "", err
	}
	return assemble(merge(Header{"typ": "at+jwt", "alg": name, "kid": key.id}, h), payload, key.sign)
}

// assemble makes a compact JWS (RFC 7515 section 7.1). What signs need not be what the header says.
func assemble(h Header, payload string, sign func(signingInput string) ([]byte, error)) (string, error) {
	header, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("authtest: the header cannot be written as JSON: %w", err)
	}
	return assembleText(string(header), payload, sign)
}

func assembleText(header, payload string, sign func(signingInput string) ([]byte, error)) (string, error) {
	input := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := sign(input)
	if err != nil {
		return "", fmt.Errorf("authtest: the token could not be signed: %w", err)
	}
	return input + "." + encode(signature), nil
}

// unsigned is the signature of an unsecured JWS: none (RFC 7515 appendix A.5).
func unsigned(string) ([]byte, error) { return nil, nil }

// merge returns a new map in which later layers replace members of earlier ones, and remove them with nil.
func merge[M ~map[string]any](layers ...M) M {
	merged := make(M)
	for _, layer := range layers {
		maps.Copy(merged, layer)
	}
	for name, value := range merged {
		switch value := value.(type) {
		case nil:
			delete(merged, name)
		case time.Time:
			merged[name] = value.Unix()
		}
	}
	return merged
}
