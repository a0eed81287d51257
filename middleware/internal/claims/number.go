package claims

import (
	"errors"
	"strconv"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

var errNotInteger = errors.New("it is a number, and not a whole one from 0 to 2^53 in its one spelling")

// maxInteger is the largest number that every reader of JSON reads alike (RFC 8259 section 6).
const maxInteger = 1 << 53

// Integer returns a whole number as it is written. Fractions, exponents, signs and leading zeros would be other spellings of one number.
func Integer(v strictjson.Value) (string, error) {
	text := v.Raw()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > maxInteger || strconv.FormatUint(n, 10) != text {
		return "", errNotInteger
	}
	return text, nil
}
