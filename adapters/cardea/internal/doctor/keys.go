package doctor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
	"github.com/cardea-auth/cardea/jwks"
)

// Key is one key of the set.
type Key struct {
	ID         string   `json:"kid"`
	Type       string   `json:"type"`                 // with its curve, or size in bits
	Algorithms []string `json:"algorithms,omitempty"` // that it verifies; several: the key names none
	Skipped    string   `json:"skipped,omitempty"`    // why it is not used
}

// algorithms are those that a key set can serve.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}

// describeKeys says of each key whether it can be used, by the same code that reads the whole set: a set of this one key.
func (e *examination) describeKeys() {
	for _, x := range e.watch.since(0) {
		if e.formOf(x) != "" || x.method != http.MethodGet || x.status != http.StatusOK {
			continue
		}
		var set struct {
			Keys []json.RawMessage `json:"keys"`
		}
		if json.Unmarshal(x.body.Bytes(), &set) != nil {
			return
		}
		for _, raw := range set.Keys {
			e.describeKey(raw)
		}
		e.judgeTogether()
		return
	}
}

func (e *examination) describeKey(raw json.RawMessage) {
	members := parseMetadata(raw)
	key := Key{ID: members.text("kid"), Type: typeOf(members)}
	set, err := jwks.Static(slices.Concat([]byte(`{"keys":[`), raw, []byte(`]}`)))
	if err != nil {
		key.Skipped = reasonOf(err)
		e.reportSkipped(key)
	} else {
		key.Algorithms = algorithmsOf(set, key.ID)
	}
	e.report.Keys = append(e.report.Keys, key)
}

func algorithmsOf(set *jwks.Set, id string) (fit []string) {
	for _, alg := range algorithms {
		if keys, err := set.VerificationKeys(context.Background(), id, alg); err == nil && len(keys) > 0 {
			fit = append(fit, alg)
		}
	}
	return fit
}

var skippedReason = regexp.MustCompile(`\(key 0: (.*)\); pass `)

// reasonOf is what jwks says of the one key of a set.
func reasonOf(err error) string {
	if found := skippedReason.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return plain.Line(err.Error())
}

// reportSkipped says what to do about a key that is not used. Most sets hold a key for encryption, which is none of our business.
func (e *examination) reportSkipped(key Key) {
	switch reason := key.Skipped; {
	case strings.Contains(reason, "use is not sig"), strings.Contains(reason, "key_ops"):
		e.add(Keys, Note, "", "key %s is not used: %s", plain.Quote(key.ID), reason)
	case strings.Contains(reason, "private members"):
		e.add(Keys, Problem, "The private key is public: replace it at the server at once, and take every token that it signed for forged.",
			"key %s is not used: %s", plain.Quote(key.ID), reason)
	case strings.Contains(reason, "symmetric"):
		e.add(Keys, Problem, "The secret is public: replace it at the server at once, and configure the new one with jwks.HMAC.",
			"key %s is not used: %s", plain.Quote(key.ID), reason)
	default:
		e.add(Keys, Warning, "Tokens that this key signs are refused: mend or replace it at the server (RSA of 2048 bits or more, P-256 to P-521, Ed25519).",
			"key %s is not used: %s", plain.Quote(key.ID), reason)
	}
}

// judgeTogether looks at what no key shows alone.
func (e *examination) judgeTogether() {
	ids, untied := make(map[string]int), 0
	for _, key := range e.report.Keys {
		if key.Skipped != "" {
			continue
		}
		for _, alg := range key.Algorithms {
			ids[key.ID+"\x00"+alg]++
		}
		if len(key.Algorithms) > 2 { // EdDSA and Ed25519 are two names of one algorithm
			untied++
		}
	}
	for place, n := range ids {
		kid, alg, _ := strings.Cut(place, "\x00")
		tries := 4
		if kid == "" {
			tries = 8
		}
		if n > tries {
			e.add(Keys, Problem, "Give each key a kid of its own at the server: tokens that none of the first keys verifies are not judged (503).",
				"%d keys for %s have the kid %s, of which %d are tried", n, alg, plain.Quote(kid), tries)
			break
		}
		if n > 1 && kid != "" {
			e.add(Keys, Warning, "Give each key a kid of its own at the server.", "%d keys for %s have the kid %s", n, alg, plain.Quote(kid))
			break
		}
	}
	if untied > 0 {
		e.judgeUntied(untied)
	}
}

// judgeUntied is about RSA keys that name no algorithm: the metadata may leave one choice.
func (e *examination) judgeUntied(untied int) {
	var rsa []string
	for _, name := range []string{"id_token", "userinfo", "authorization", "introspection", "access_token"} {
		for _, alg := range e.served.list(name + "_signing_alg_values_supported") {
			if (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")) && !slices.Contains(rsa, alg) {
				rsa = append(rsa, alg)
			}
		}
	}
	if len(rsa) == 1 && slices.Contains(algorithms, rsa[0]) {
		e.pinned = rsa[0]
		e.add(Keys, Note, "", "%d RSA keys name no algorithm; the metadata leaves %s alone", untied, e.pinned)
		return
	}
	e.add(Keys, Warning, "Set Issuer.Algorithms to that of the access tokens (the alg of a token's header): else the first accepted token decides.",
		"%d RSA keys name no algorithm, and the metadata does not leave one choice", untied)
}

// typeOf names a key by kty, curve and size.
func typeOf(jwk metadata) string {
	kty := plain.Line(jwk.text("kty"))
	if crv := jwk.text("crv"); crv != "" {
		return fmt.Sprintf("%s %s", kty, plain.Line(crv))
	}
	if n, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(jwk.text("n"), "=")); err == nil && len(n) > 0 {
		return fmt.Sprintf("%s %d bits", kty, new(big.Int).SetBytes(n).BitLen())
	}
	return kty
}
