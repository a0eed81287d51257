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
