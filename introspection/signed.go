package introspection

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/introspection/internal/exactjson"
	"github.com/cardea-auth/cardea/jwks"
)

const (
	signedMediaType = "application/token-introspection+jwt"
	signedSkew      = time.Minute
	maxKeyID        = 1 << 10
)

// signedAnswers opens the JWTs of RFC 9701. It reads the compact form strictly and by itself: every byte must be of the
// base64url alphabet, because decoders skip newlines and ignore trailing bits.
type signedAnswers struct {
	keys     KeySource
	issuer   string
	audience string // our client id
}

// open returns the token_introspection object, the only part that describes the token (RFC 9701 section 5).
func (s *signedAnswers) open(ctx context.Context, jwt []byte, now time.Time) ([]byte, error) {
	text := string(jwt)
	switch strings.Count(text, ".") {
	case 2:
	case 4:
		return nil, badSignature("it is encrypted, which is not supported: register this client for signed answers only")
	default:
		return nil, badSignature("it is no JWT of three parts")
	}
	lastDot := strings.LastIndexByte(text, '.')
	header, payload, _ := strings.Cut(text[:lastDot], ".")
	h, err := readHeader(header)
	if err != nil {
		return nil, err
	}
	signature, ok := decodeSegment(text[lastDot+1:])
	if !ok {
		return nil, badSignature("its signature is not base64url")
	}
	if err := s.verify(ctx, h, text[:lastDot], signature); err != nil {
		return nil, err
	}
	claims, ok := decodeSegment(payload)
	if !ok {
		return nil, badSignature("its payload is not base64url")
	}
	return s.judge(claims, now)
}

func badSignature(reason string) error {
	return &failure{reason: "the signed answer cannot be trusted: " + reason, blame: blameServer}
}

func decodeSegment(segment string) ([]byte, bool) {
	if strings.ContainsAny(segment, "\r\n") { // which the decoder would skip
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	return decoded, err == nil
}

type header struct{ algorithm, keyID string }

func readHeader(segment string) (header, error) {
	text, ok := decodeSegment(segment)
	if !ok {
		return header{}, badSignature("its header is not base64url")
	}
	members, err := readObject(text)
	if err != nil {
		return header{}, err
	}
	if err := checkNames(members, "alg", "kid", "typ", "crit", "b64"); err != nil {
		return header{}, err
	}
	for _, name := range []string{"crit", "b64"} { // each of them changes what was signed; others mean nothing (RFC 7515 section 4)
		if members.Of(name) != nil {
			return header{}, badSignature("its header has " + name)
		}
	}
	typ, _ := readText(members.Of("typ"))
	typ = strings.TrimPrefix(lowerASCII(typ), "application/")
	if typ != "token-introspection+jwt" {
		return header{}, badSignature("its typ is not token-introspection+jwt (RFC 9701 section 5)")
	}
	algorithm, ok := readText(members.Of("alg"))
	if _, known := schemeOf(algorithm); !ok || !known { // a list without none and without shared secrets
		return header{}, badSignature("its alg is no asymmetric signature")
	}
	var keyID string
	if value := members.Of("kid"); value != nil {
		if keyID, ok = readText(value); !ok || len(keyID) > maxKeyID {
			return header{}, badSignature("its kid is no text of at most 1 KiB")
		}
	}
	return header{algorithm: algorithm, keyID: keyID}, nil
}

func (s *signedAnswers) verify(ctx context.Context, h header, input string, signature []byte) error {
	keys, err := s.keys.VerificationKeys(ctx, h.keyID, h.algorithm)
	if err != nil {
		f := &failure{reason: "the key of the signed answer is not to be had", cause: err, blame: blameAnswer}
		var hint interface{ RetryAfter() time.Duration }
		if errors.As(err, &hint) {
			f.retryAfter = hint.RetryAfter()
		}
		return f
	}
	tried, _ := jwks.Tries(h.keyID, keys)
	for _, key := range tried {
		if key.Algorithm() == h.algorithm && key.Verify(input, signature) == nil {
			return nil
		}
	}
	return badSignature("no known key made its signature")
}

// judge checks who speaks to whom, and when. The answer does not name the token it is about, so TLS and its age are what
// keeps an old one from being served again.
func (s *signedAnswers) judge(claims []byte, now time.Time) ([]byte, error) {
	members, err := readObject(claims)
	if err != nil {
		return nil, err
	}
	if err := checkNames(members, "iss", "aud", "iat", "exp", "nbf", "token_introspection"); err != nil {
		return nil, err
	}
	if issuer, ok := readText(members.Of("iss")); !ok || issuer != s.issuer {
		return nil, badSignature("its iss is not Config.Issuer")
	}
	if !slices.Contains(audience(members.Of("aud")), s.audience) {
		return nil, badSignature("its aud does not name our client id")
	}
	issuedAt, ok := dateOf(members, "iat")
	if !ok || now.Sub(issuedAt).Abs() > signedSkew {
		return nil, badSignature("its iat is missing or more than a minute away")
	}
	if expiry, ok := dateOf(members, "exp"); !isAbsent(members.Of("exp")) && (!ok || !now.Before(expiry)) {
		return nil, badSignature("it has expired")
	}
	if notBefore, ok := dateOf(members, "nbf"); !isAbsent(members.Of("nbf")) && (!ok || now.Add(signedSkew).Before(notBefore)) {
		return nil, badSignature("it is not valid yet")
	}
	answer := members.Of("token_introspection")
	if len(answer) == 0 || answer[0] != '{' {
		return nil, badSignature("it has no token_introspection object")
	}
	return answer, nil
}

// readText reads a JSON string; encoding/json would take null for an empty one.
func readText(value json.RawMessage) (text string, ok bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	err := json.Unmarshal(value, &text)
	return text, err == nil
}

// audience reads one string, or an array of which every element is one; anything else is nobody.
func audience(value json.RawMessage) []string {
	if one, ok := readText(value); ok {
		return []string{one}
	}
	var many []json.RawMessage
	if json.Unmarshal(value, &many) != nil {
		return nil
	}
	names := make([]string, len(many))
	for i, element := range many {
		name, ok := readText(element)
		if !ok {
			return nil
		}
		names[i] = name
	}
	return names
}

func dateOf(members exactjson.Object, name string) (time.Time, bool) {
	value := members.Of(name)
	if value == nil {
		return time.Time{}, false
	}
	return numericDate(value)
}
