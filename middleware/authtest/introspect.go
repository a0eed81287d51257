package authtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const signedAnswer = "token-introspection+jwt" // RFC 9701 section 5

// serveIntrospection is the introspection endpoint (RFC 7662). It answers with a signed JWT (RFC 9701) if Accept asks
// for one.
func (i *Issuer) serveIntrospection(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if !i.client.authenticated(w, r) {
		return
	}
	tokens := r.PostForm["token"]
	if len(tokens) != 1 || tokens[0] == "" {
		writeError(w, http.StatusBadRequest, "invalid_request", "token must be given, and once")
		return
	}
	answer := i.introspect(tokens[0])
	if !strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "application/"+signedAnswer) {
		writeJSON(w, http.StatusOK, answer)
		return
	}
	signed, err := i.signAnswer(answer)
	if err != nil {
		writeError(w, http.StatusInternalServerError, "server_error", "the answer could not be signed")
		return
	}
	w.Header().Set("Content-Type", "application/"+signedAnswer)
	_, _ = w.Write([]byte(signed)) // that the caller has gone is no concern of ours
}

// signAnswer dates the answer by the real time: whoever receives it judges by it how old the message is, and not the
// token, to which SetClock applies.
func (i *Issuer) signAnswer(answer Claims) (string, error) {
	payload, err := json.Marshal(map[string]any{
		"iss":                 i.url,
		"aud":                 i.client.id,
		"iat":                 time.Now().Unix(),
		"token_introspection": answer,
	})
	if err != nil {
		return "", err
	}
	return i.sign(Header{"typ": signedAnswer}, string(payload))
}

// introspect describes a token. Of one that is not active nothing is said but that (RFC 7662 section 2.2).
func (i *Issuer) introspect(token string) Claims {
	i.mu.Lock()
	claims, known := i.opaque[token]
	revoked := i.revoked[token]
	i.mu.Unlock()
	if !known {
		claims, known = i.readJWT(token)
	}
	if !known || revoked || !claims.current(i.now()) {
		return Claims{"active": false}
	}
	return merge(claims, Claims{"active": true})
}

// readJWT returns the claims of a JWT that was minted here, in iss and signature.
func (i *Issuer) readJWT(token string) (Claims, bool) {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 || strings.Count(token, ".") != 2 {
		return nil, false
	}
	header, payload, _ := strings.Cut(token[:dot], ".")
	var names struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	var claims Claims
	signature, ok := segment(token[dot+1:])
	if !ok || !decodeSegment(header, &names) || !decodeSegment(payload, &claims) || claims["iss"] != i.url {
		return nil, false
	}
	key, ok := i.keys.find(names.KeyID)
	if !ok || key.algorithm.name != names.Algorithm || key.public.Verify(token[:dot], signature) != nil {
		return nil, false
	}
	return claims, claims.dated()
}

// segment knows one spelling only, or a revoked token would come back in another (RFC 4648 section 3.5).
func segment(text string) ([]byte, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return decoded, err == nil && !strings.ContainsAny(text, "\r\n")
}

func decodeSegment(text string, v any) bool {
	decoded, ok := segment(text)
	return ok && decode(decoded, v)
}

// decode keeps numbers as they are written, so that a claim goes out as it came in.
func decode(text []byte, v any) bool {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(v) == nil && !decoder.More()
}

// dated reports whether there is an exp, and every date is one. A JWT without is no access token of ours (RFC 9068 section
// 2.2); what an opaque token says of itself was chosen by whoever made it.
func (c Claims) dated() bool {
	for _, name := range []string{"exp", "nbf", "iat"} {
		if _, ok := numericDate(c[name]); !ok && (c[name] != nil || name == "exp") {
			return false
		}
	}
	return true
}

// current reports whether exp and nbf allow the token now. A date that is absent, or no date, sets no limit.
func (c Claims) current(now time.Time) bool {
	seconds := float64(now.Unix())
	expiry, limited := numericDate(c["exp"])
	if limited && seconds >= expiry {
		return false
	}
	start, limited := numericDate(c["nbf"])
	return !limited || seconds >= start
}

func numericDate(claim any) (seconds float64, ok bool) {
	const year9999 = 253402300799
	number, ok := claim.(json.Number)
	if !ok {
		return 0, false
	}
	seconds, err := number.Float64()
	return seconds, err == nil && seconds <= year9999
}
