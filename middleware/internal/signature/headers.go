package signature

import (
	"hash/maphash"
	"maps"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// maxHeaders is many: an issuer has one header per key and type of token. Some have certificates in it, so maxHeaderBytes is many, too.
const (
	maxHeaders     = 64
	maxHeaderBytes = 64 << 10
)

// Headers recognises header segments that have verified before, so that they need no decoding. A header is what its text
// says whatever the keys are, so nothing here can go stale; that it is learnt only from verified tokens keeps the names that
// attackers make up out. Reading takes no lock. Safe for concurrent use.
type Headers struct {
	known atomic.Pointer[map[string]*Header] // never written once published
	once  [64]atomic.Uint64                  // hashes of headers that one token had, each in its place
}

var seed = maphash.MakeSeed()

// again reports whether a token had this header before, as far as that is remembered: some servers give each token a header of its own, and
// entering these would cost more than decoding them.
func (h *Headers) again(segment string) bool {
	hash := maphash.String(seed, segment)
	return h.once[hash%uint64(len(h.once))].Swap(hash) == hash
}

// Size is about how many bytes a Header holds on to: its segment, and what that decodes to.
func (h *Header) Size() int { return int(unsafe.Sizeof(*h)) + len(h.Segment) + len(h.Segment)*3/4 }

// Header is the header of tokens that have verified. They share it.
type Header struct {
	compact.Header

	Segment string // as it stands in the tokens
}

// Parse is compact.ParseHeader with a memory. known is nil for a header that is not remembered.
func (h *Headers) Parse(segment string) (header compact.Header, known *Header, err error) {
	if table := h.known.Load(); table != nil {
		if known = (*table)[segment]; known != nil {
			return known.Header, known, nil
		}
	}
	header, err = compact.ParseHeader(segment)
	return header, nil, err
}

// Begins reports whether token begins with a header that is known, so that it is a JOSE object without further look.
func (h *Headers) Begins(token string) bool {
	table := h.known.Load()
	if table == nil {
		return false
	}
	segment, _, _ := strings.Cut(token, ".")
	return (*table)[segment] != nil
}

// Learn remembers the header of a verified token, if it is not the first that has it, and returns it as it is remembered. A full table is begun
// anew.
func (h *Headers) Learn(segment string, header compact.Header) *Header {
	learnt := &Header{Header: header, Segment: strings.Clone(segment)} // a copy: the segment would keep the whole token in memory
	if !h.again(segment) {
		return learnt
	}
	old := h.known.Load()
	table := make(map[string]*Header)
	if old != nil && len(*old) < maxHeaders {
		maps.Copy(table, *old)
	}
	size := len(segment)
	for known := range table {
		size += len(known)
	}
	if size > maxHeaderBytes {
		clear(table)
	}
	table[learnt.Segment] = learnt
	h.known.CompareAndSwap(old, &table)
	return learnt
}
