package statuslist

import (
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// ReadStatuses reads a document whose member status_list is a Status List.
func ReadStatuses(document string, maxBytes int) (size int, at func(index int) (byte, bool), err error) {
	v, err := strictjson.Parse(document)
	if err != nil {
		return 0, nil, err
	}
	s, err := readStatuses(issued.Of(v), maxBytes)
	if err != nil {
		return 0, nil, err
	}
	return s.size(), s.at, nil
}
