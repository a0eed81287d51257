package statuslist

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// statuses is a Status List, inflated (section 4.1). It is immutable.
type statuses struct {
	bits   int // of each status: 1, 2, 4 or 8
	packed []byte
}

func (s *statuses) size() int { return len(s.packed) * 8 / s.bits }

// at returns the status at index. The first one of a byte is in its lowest bits.
func (s *statuses) at(index int) (status byte, ok bool) {
	if index < 0 || index >= s.size() {
		return 0, false
	}
	bit := index * s.bits
	return s.packed[bit/8] >> (bit % 8) & byte(1<<s.bits-1), true
}

var (
	errBits     = errors.New("bits is not 1, 2, 4 or 8")
	errNoLst    = errors.New("lst is not a string")
	errNoList   = errors.New("status_list is not an object")
	errTrailing = errors.New("lst goes on behind its end")
)

// readStatuses reads the claim status_list (section 4.2), of no more than so many bytes once it is inflated.
func readStatuses(claims issued.Claims, maxBytes int) (*statuses, error) {
	list, ok, err := claims.In("status_list")
	if !ok {
		return nil, cmp.Or(err, errNoList)
	}
	bits, err := list.At("bits")
	s := &statuses{bits: map[string]int{"1": 1, "2": 2, "4": 4, "8": 8}[bits.Raw()]}
	if s.bits == 0 {
		return nil, cmp.Or(err, errBits)
	}
	lst, err := list.At("lst")
	text, ok := lst.Text()
	if !ok {
		return nil, cmp.Or(err, errNoLst)
	}
	compressed, err := compact.Text(text)
	if err != nil {
		return nil, fmt.Errorf("lst: %w", err)
	}
	if s.packed, err = inflate(compressed, maxBytes); err != nil {
		return nil, err
	}
	return s, nil
}

// inflate refuses what is longer than maxBytes, without making it, and what has anything behind its end. The checksum is judged.
func inflate(compressed string, maxBytes int) ([]byte, error) {
	source := strings.NewReader(compressed)
	z, err := zlib.NewReader(source)
	if err != nil {
		return nil, fmt.Errorf("lst: %w", err)
	}
	inflated, err := io.ReadAll(io.LimitReader(z, int64(maxBytes)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("lst: %w", err)
	case len(inflated) > maxBytes:
		return nil, fmt.Errorf("lst is longer than %d bytes once inflated: raise Config.MaxBytes, or let the issuer split it up", maxBytes)
	case source.Len() > 0:
		return nil, errTrailing
	}
	return bytes.Clone(inflated), nil // without the room that ReadAll has left
}
