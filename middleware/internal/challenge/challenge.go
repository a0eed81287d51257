// Package challenge writes the WWW-Authenticate fields of a refusal (RFC 9110 section 11.6.1), in characters that cannot end a parameter
// or a line.
package challenge

import (
	"strconv"
	"strings"
)

// Schemes are those that a server accepts and the one that a request has used.
type Schemes struct {
	NoBearer   bool   // DPoP alone will do
	Algorithms string // of DPoP proofs, separated by spaces; empty: DPoP is not accepted
	Used       string // "Bearer" or "DPoP"; empty: neither, or more than one
}

// DefaultRealm is the realm where none is given.
const DefaultRealm = "api"

// Params are what a challenge says. What is empty is left out.
type Params struct {
	Realm       string // empty: DefaultRealm
	Error       string // RFC 6750 section 3.1: none when no credentials were sent
	Description string // of the Error
	ACRValues   string // RFC 9470 section 3
	MaxAge      int64  // RFC 9470 section 3, in seconds
	HasMaxAge   bool   // a MaxAge of zero is one too
	Scope       string
}

// Lines writes one challenge, on a line of its own, for each scheme that is accepted. The error belongs to the scheme
// that was used, to all of them if that is not clear (RFC 9449 section 7.2).
func Lines(s Schemes, p Params) []string {
	var lines []string
	if !s.NoBearer {
		lines = append(lines, line("Bearer", "", p, s.Used != "DPoP"))
	}
	if s.Algorithms != "" {
		lines = append(lines, line("DPoP", s.Algorithms, p, s.Used != "Bearer" || s.NoBearer))
	}
	return lines
}

// line writes one challenge. The realm is always there, because RFC 6750 section 3 wants at least one parameter after the
// scheme.
func line(scheme, algorithms string, p Params, withError bool) string {
	var b strings.Builder
	b.WriteString(scheme)
	b.WriteString(` realm="`)
	if p.Realm == "" {
		p.Realm = DefaultRealm
	}
	writeSafe(&b, p.Realm)
	b.WriteByte('"')

	if algorithms != "" {
		writeParam(&b, "algs", algorithms)
	}
	if p.Error != "" && withError {
		writeParam(&b, "error", p.Error)
		writeParam(&b, "error_description", p.Description)
	}
	if p.ACRValues != "" {
		writeParam(&b, "acr_values", p.ACRValues)
	}
	if p.HasMaxAge {
		writeParam(&b, "max_age", strconv.FormatInt(p.MaxAge, 10))
	}
	if p.Scope != "" {
		writeParam(&b, "scope", p.Scope)
	}
	return b.String()
}

func writeParam(b *strings.Builder, name, value string) {
	b.WriteString(", ")
	b.WriteString(name)
	b.WriteString(`="`)
	writeSafe(b, value)
	b.WriteByte('"')
}

// writeSafe writes the characters that RFC 6750 section 3 allows in error_description, which is the strictest of all
// parameters that may hold spaces, and drops the others: an Error of an application's Rule can hold anything, and
// neither a quote nor a line break may end the parameter.
func writeSafe(b *strings.Builder, value string) {
	for i := range len(value) {
		if c := value[i]; IsSafe(c) {
			b.WriteByte(c)
		}
	}
}

// IsSafe reports whether c is in %x20-21 / %x23-5B / %x5D-7E.
func IsSafe(c byte) bool {
	return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'
}
