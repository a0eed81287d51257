package cause

import (
	"fmt"
	"strings"
)

// Segments is that a token of JOSE shape has not three segments with something in each.
func Segments(check error, token string) error {
	count, unsigned := 1+strings.Count(token, "."), strings.HasSuffix(token, ".")
	return New(check, func() Sides {
		s := Sides{Expected: "header, payload and signature, with a dot between each", Got: fmt.Sprintf("%d segments", count)}
		switch {
		case count == 3 && unsigned:
			s.Got, s.Hint = "no signature", "an unsigned token (alg none) is never taken"
		case count == 3:
			s.Got = "an empty segment"
		case count < 3:
			s.Hint = "it was cut off on its way: compare its length with what the server issued"
		}
		return s
	})
}

// Characters is that a token holds what none may hold, or is not alone. Nothing of it is shown.
func Characters(check error, token string) error {
	var s Sides
	switch scheme, _, more := strings.Cut(token, " "); {
	case more && strings.EqualFold(scheme, "Bearer"):
		s = Sides{Got: "Bearer twice", Hint: "something puts Bearer in front of a value that begins with it already"}
	case strings.HasPrefix(token, `"`) || strings.HasSuffix(token, `"`) || strings.HasPrefix(token, "'"):
		s = Sides{Got: "a token in quotes", Hint: "send the token alone, as it was issued"}
	case more:
		s = Sides{Got: "a blank in it", Hint: "send the token alone, as it was issued"}
	}
	return New(check, func() Sides { return s })
}

// Alphabet is that a segment of a JWT is not in the alphabet of JWTs, or not whole. Nothing of it is shown.
func Alphabet(check error, token string) error {
	s := Sides{Hint: "it was cut off or changed on its way: compare it with what the server issued"}
	if strings.ContainsAny(token, "+/=") {
		s = Sides{Got: "characters of ordinary base64 (+, / or =)", Hint: "something has encoded the token anew: send it as it was issued"}
	}
	return New(check, func() Sides { return s })
}

// Encrypted is that a token is encrypted.
func Encrypted(check error) error {
	return New(check, func() Sides {
		return Sides{Hint: "let the server sign access tokens and not encrypt them; the session cookie of another framework is no access token"}
	})
}

// Unread is that a token is opaque, and nobody is there to ask about it. Only words that stand for no token at all are shown.
func Unread(check error, token string) error {
	word := strings.ToLower(token)
	switch word {
	case "undefined", "null", "nil", "none", "nan", "true", "false":
		return New(check, func() Sides {
			return Sides{Got: "the word " + word, Expected: "a token", Hint: "the client has no token, and sends its variable all the same"}
		})
	}
	return New(check, func() Sides {
		return Sides{Hint: "set Issuer.Introspector if tokens of this API are opaque; if they are JWTs, the client sends something else, or a part of one"}
	})
}

// Subject is that sub is not a string; nil if check is. number says that it is a number.
func Subject(check error, number bool) error {
	if check == nil || !number {
		return check
	}
	return New(check, func() Sides {
		return Sides{Got: "a number", Expected: "a string", Hint: "if the server numbers its users, set Issuer.NumericSubjects"}
	})
}

// Date is that a claim is no date. written is its JSON text.
func Date(check error, written string) error {
	const milliseconds = len("1700000000000")
	number := strings.Trim(written, "0123456789") == ""
	if !number || len(written) != milliseconds {
		return check
	}
	return New(check, func() Sides {
		return Sides{Got: "a number of thirteen digits", Expected: "seconds since 1970, which are ten digits", Hint: "the server writes milliseconds"}
	})
}
