package differential_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware"
)

// explained says why Cardea alone refuses, and by which classes of mutation that can come about.
var explained = map[middleware.Reason]struct {
	why     string
	classes []string
}{
	middleware.ReasonMalformedRequest: {
		"a line break inside or after the token: decoders skip it, so one token would have many spellings",
		[]string{"signed: characters", "segments"},
	},
	middleware.ReasonMalformed: {
		"bits of base64url that mean nothing; a name twice, also in a nested object, or one that differs from a name that is read only in case; text that is no UTF-8 or half a surrogate pair; " +
			"nesting beyond 64; kid or typ that is no string",
		[]string{
			"signed: characters", "claims: bytes", "claims: names", "claims: spellings", "claims: structure", "claims: twins",
			"header: bytes", "header: names", "header: spellings", "header: structure", "header: types", "text",
		},
	},
	middleware.ReasonNotIntrospected: {
		"the header holds bytes that are no text, so it does not look like a JOSE object and goes the way of an opaque token",
		[]string{"header: bytes", "header: spellings", "text"},
	},
	middleware.ReasonHeader: {
		"crit or b64, whatever their value; a cty of JWT; a kid over 1 KiB",
		[]string{"header: members", "header: names", "header: bytes", "text"},
	},
	middleware.ReasonTokenType: {
		"typ, or a claim, that marks another kind of token",
		[]string{"header: bytes", "header: members", "header: names", "header: spellings", "header: types", "header: numbers", "claims: members", "text"},
	},
	middleware.ReasonConfirmation: {
		"cnf in whatever form: the libraries do not look at it",
		[]string{"claims: members", "claims: names", "text"},
	},
	middleware.ReasonMalformedClaim: {
		"a date beyond the year 9999; a sub or jti that is no string; act that is no actor or too deep",
		[]string{"claims: bytes", "claims: members", "claims: names", "claims: numbers", "claims: types", "claims: spellings", "text"},
	},
	middleware.ReasonNotYetValid: {
		"the fraction of a second of nbf, which the libraries drop",
		[]string{"claims: numbers", "text"},
	},
	middleware.ReasonIssuedInFuture: {
		"likewise that of iat",
		[]string{"claims: numbers", "text"},
	},
}

func isExplained(class string, reason middleware.Reason) bool {
	return slices.Contains(explained[reason].classes, class)
}

// limits are tokens that a library refuses although nothing is wrong with them.
var limits = []struct {
	peer, why string
	applies   func(header, claims map[string]any, headerText string) bool
}{
	{"go-jose", "does not know the algorithm name of RFC 9864", func(header, _ map[string]any, _ string) bool { return header["alg"] == "Ed25519" }},
	{"go-jose", "decodes jwk and x5c, which play no part", func(header, _ map[string]any, _ string) bool { return has(header, "jwk", "x5c") }},
	{"jwx", "decodes the header's members of RFC 7515, also those that play no part", func(header, _ map[string]any, _ string) bool {
		return has(header, "jwk", "jku", "x5c", "x5t", "x5t#S256", "x5u")
	}},
	{"jwx", "verifies a header with white space around it as if there were none", func(_, _ map[string]any, text string) bool {
		return text != strings.Trim(text, " \t\r\n")
	}},
	{"jwx", "takes no date before 1970", func(_, claims map[string]any, _ string) bool {
		return anyDate(claims, func(date string) bool { return strings.HasPrefix(date, "-") })
	}},
	{"jwx", "drops the fraction of a second of exp", withFraction},
	{"golang-jwt", "drops the fraction of a second of exp", withFraction},
	{"golang-jwt", "takes a null sub for one of the wrong type", func(_, claims map[string]any, _ string) bool { return isNull(claims, "sub") }},
	{"jwx", "takes a null date for one of the wrong type", func(_, claims map[string]any, _ string) bool {
		return isNull(claims, "iat") || isNull(claims, "nbf")
	}},
	{"golang-jwt", "reads no number beyond float64", beyondFloat},
	{"go-jose", "reads no number beyond float64", beyondFloat},
	{"jwx", "reads no number beyond float64", beyondFloat},
}

func isNull(claims map[string]any, name string) bool {
	value, present := claims[name]
	return present && value == nil
}

func limited(peer, token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	header, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	claims, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	for _, l := range limits {
		if l.peer == peer && l.applies(object(header), object(claims), string(header)) {
			return true
		}
	}
	return false
}

func object(text []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var members map[string]any
	_ = decoder.Decode(&members) // a text that is no object has no members
	return members
}

func has(members map[string]any, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, ok := members[name]; return ok })
}

func anyDate(claims map[string]any, is func(date string) bool) bool {
	return slices.ContainsFunc([]string{"exp", "nbf", "iat", "auth_time"}, func(name string) bool {
		date, ok := claims[name].(json.Number)
		return ok && is(date.String())
	})
}

func withFraction(_, claims map[string]any, _ string) bool {
	date, ok := claims["exp"].(json.Number)
	seconds, err := date.Float64()
	return ok && err == nil && seconds != math.Trunc(seconds)
}

func beyondFloat(header, claims map[string]any, _ string) bool {
	for _, members := range []map[string]any{header, claims} {
		for _, value := range members {
			if number, ok := value.(json.Number); ok {
				if _, err := number.Float64(); err != nil {
					return true
				}
			}
		}
	}
	return false
}
