package cause

import (
	"slices"
	"strings"
	"time"
)

// Held is a key that a source holds.
type Held struct {
	ID         string // empty: it has none
	Algorithms []string
}

// Keys are what a source holds at a moment.
type Keys struct {
	Keys   []Held
	Known  bool          // false: the source does not say
	Loaded bool          // Age is known
	Age    time.Duration // since they were fetched
}

// Key is that no key of the issuer has the token's kid and algorithm. held is asked when somebody reads it.
func Key(check error, kid, alg string, held func() Keys) error {
	return New(check, func() Sides {
		keys := held()
		s := Sides{Got: claim("kid", kid) + ", alg " + name(alg)}
		if !keys.Known {
			return s
		}
		s.Expected = "one of the keys held: " + keys.String()
		if keys.Loaded {
			s.Expected += ", fetched " + span(keys.Age) + " ago"
		}
		s.Hint = keys.hint(kid)
		return s
	})
}

func (k Keys) hint(kid string) string {
	for _, held := range k.Keys {
		if kid != "" && held.ID == kid {
			return "the key of this kid is for " + strings.Join(held.Algorithms, ", ") + " only"
		}
	}
	switch {
	case len(k.Keys) == 0:
		return "the source holds no key that can verify a signature"
	case kid == "":
		return "none of them is for this algorithm"
	default:
		return "the token is signed with a key that this issuer does not publish: another server, realm or environment, or a key that it has withdrawn"
	}
}

// String lists the first few, each with what it is for.
func (k Keys) String() string {
	var parts []string
	for i, held := range k.Keys {
		if i == maxList {
			break
		}
		part := "one without kid"
		if held.ID != "" {
			part = Text(held.ID)
		}
		if len(held.Algorithms) < maxList/2 {
			part += " (" + strings.Join(held.Algorithms, ", ") + ")"
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "none"
	}
	text := strings.Join(slices.Clip(parts), ", ")
	if len(k.Keys) > maxList {
		text += " and more"
	}
	return text
}

// Signature are both sides where none of the keys that fit kid and alg verifies a token. They come apart from the error, which is one for all:
// forged tokens come in floods, and must cost no more than good ones.
func Signature(kid, alg string) Sides {
	s := Sides{
		Expected: "a signature of a key that fits",
		Got:      claim("kid", kid) + ", alg " + name(alg),
		Hint:     "another server or environment signs with a key of the same name, or the token was changed on its way",
	}
	if strings.HasPrefix(alg, "HS") {
		s.Hint = "the server signs with another secret: compare its bytes, not its text (base64, a line break at the end)"
	}
	return s
}
