package claims

import (
	"strconv"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// StatusRef says where the status of a token stands (Token Status List, section 6.2).
type StatusRef struct {
	URI   string // of the list; empty: the token has no status
	Index int    // in the list; -1: the token has a status claim that leads nowhere
}

// maxStatusIndex is beyond what the largest list holds that anybody should fetch.
const maxStatusIndex = 1 << 30

// ReadStatus reads the status claim. One that leads nowhere says that the token has a status which cannot be known.
func ReadStatus(v strictjson.Value) StatusRef {
	if v.Kind() == 0 {
		return StatusRef{}
	}
	list, _ := v.Member("status_list")
	at, _ := list.Member("uri")
	place, _ := list.Member("idx")
	uri, ok := at.Text()
	written, err := Integer(place)
	if !ok || uri == "" || place.Kind() != strictjson.Number || err != nil {
		return StatusRef{Index: -1}
	}
	index, err := strconv.Atoi(written)
	if err != nil || index > maxStatusIndex {
		return StatusRef{Index: -1}
	}
	return StatusRef{URI: uri, Index: index}
}
