package compact

import (
	"errors"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// MaxKeyID is the longest kid that is looked up. A kid is a name and may come from an attacker.
const MaxKeyID = 1 << 10

// The reasons for which ParseHeader refuses, beside ErrAlphabet and those of strictjson.
var (
	ErrMember    = errors.New("compact: a header member has the wrong type, or a name that differs from a registered one only in case")
	ErrAlgorithm = errors.New("compact: the header names no algorithm")
	ErrKeyID     = errors.New("compact: the kid is too long")
	ErrType      = errors.New("compact: the typ is empty, so it neither names a kind of token nor is absent")
	ErrExtension = errors.New("compact: the header has crit or b64, or its cty says that the payload is another token")
)

// Header is the part of a JOSE header that takes part in the decision. jku, jwk, x5u, x5c and the like are not in it:
// they let a token bring its own key (RFC 8725 section 3.10).
type Header struct {
	Algorithm string // alg, never empty
	KeyID     string // kid, empty if absent
	Type      string // typ in lower case, without "application/"; empty if absent
}

// ParseHeader decodes a header segment.
func ParseHeader(segment string) (Header, error) {
	text, err := Text(segment)
	if err != nil {
		return Header{}, err
	}
	var h Header
	var wrong error
	err = strictjson.Walk(text, func(name string, v strictjson.Value) error {
		if failed := h.read(name, v); failed != nil && wrong == nil {
			wrong = failed
		}
		return nil
	})
	switch {
	case err != nil:
		return Header{}, err
	case wrong != nil:
		return Header{}, wrong
	case h.Algorithm == "":
		return Header{}, ErrAlgorithm
	}
	return h, nil
}

func (h *Header) read(name string, v strictjson.Value) error {
	text, isText := v.Text()
	switch name {
	case "alg":
		if !isText || text == "" {
			return ErrAlgorithm
		}
		h.Algorithm = text
	case "kid":
		if !isText {
			return ErrMember
		}
		if len(text) > MaxKeyID {
			return ErrKeyID
		}
		h.KeyID = text
	case "typ":
		if !isText {
			return ErrMember
		}
		if text == "" {
			return ErrType
		}
		h.Type = MediaType(text)
	case "crit", "b64":
		// RFC 7515 section 4.1.11: what is critical and not understood must be refused. RFC 7797 section 7: b64 is not
		// for JWTs.
		return ErrExtension
	case "cty":
		// RFC 7519 section 5.2: with this value the payload is another token. Any other means nothing here, as zip and all
		// parameters of a JWE do, which are ignored (RFC 7515 section 4).
		if MediaType(text) == "jwt" {
			return ErrExtension
		}
	default:
		return refuseLookalike(name)
	}
	return nil
}

// lookalikes are the folded forms of the names that read knows.
var lookalikes = func() map[string]bool {
	set := make(map[string]bool)
	for _, name := range []string{"alg", "kid", "typ", "crit", "b64", "cty"} {
		set[strictjson.Fold(name)] = true
	}
	return set
}()

// refuseLookalike refuses "aLg": another reader would take it for alg.
func refuseLookalike(name string) error {
	var buf [16]byte
	if len(name) <= 3*len("crit") && lookalikes[string(strictjson.AppendFold(buf[:0], name))] {
		return ErrMember
	}
	return nil
}

// MediaType brings a typ value to one form: media types have no case, and "application/" is implied where no other
// slash is (RFC 7515 section 4.1.9).
func MediaType(typ string) string {
	lower := LowerASCII(typ)
	if rest, ok := strings.CutPrefix(lower, "application/"); ok && rest != "" && !strings.Contains(rest, "/") {
		return rest
	}
	return lower
}

// LowerASCII leaves alone what is not ASCII: [strings.ToLower] would make a k of the Kelvin sign.
func LowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
