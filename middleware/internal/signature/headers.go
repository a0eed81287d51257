package signature

import (
	"maps"
	"strings"
	"sync/atomic"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// maxHeaders is many: an issuer has one header per key and type of token.
const maxHeaders = 64

// Headers recognises header segments that have verified before, so that they need no decoding. A header is what its text
// says whatever the keys are, so nothing here can go stale; that it is learnt only from verified tokens keeps the names that
// attackers make up out. Reading takes no lock. Safe for concurrent use.
type Headers struct {
	known atomic.Pointer[map[string]compact.Header] // never written once published
}

// Parse is compact.ParseHeader with a memory.
func (h *Headers) Parse(segment string) (header compact.Header, known bool, err error) {
	if table := h.known.Load(); table != nil {
		if header, known = (*table)[segment]; known {
			return header, true, nil
		}
	}
	header, err = compact.ParseHeader(segment)
	return header, false, err
}

// Begins reports whether token begins with a header that is known, so that it is a JOSE object without further look.
func (h *Headers) Begins(token string) bool {
	table := h.known.Load()
	if table == nil {
		return false
	}
	segment, _, _ := strings.Cut(token, ".")
	_, known := (*table)[segment]
	return known
}

// Learn remembers the header of a verified token. A full table is begun anew.
func (h *Headers) Learn(segment string, header compact.Header) {
	old := h.known.Load()
	table := make(map[string]compact.Header)
	if old != nil && len(*old) < maxHeaders {
		maps.Copy(table, *old)
	}
	table[strings.Clone(segment)] = header // a copy: the segment would keep the whole token in memory
	h.known.CompareAndSwap(old, &table)
}
