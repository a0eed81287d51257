package revocation

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// Store is a log of entries that every instance follows, so that what one revokes all refuse. It carries bytes, which are at most MaxRecord
// long and which only a List can read. Entries commute and may repeat, in any order; none may be left out. Package storetest is this
// contract as a test kit; adapters/pgstore keeps a Store in PostgreSQL. It must be safe for concurrent use, by several Lists as well.
type Store interface {
	// Append adds an entry, which the Store may forget once until has passed, and not before. It returns nil once the entry is as durable
	// and shared as the engine can make it: whoever follows gets it, however the engine or this process ends. After an error the entry may
	// be there all the same. It ends with ctx at the latest.
	Append(ctx context.Context, entry []byte, until time.Time) error

	// Follow delivers entries until ctx ends, and then returns ctx's error: every live entry if after is empty, else those since that
	// position, and in both cases new ones as they come. deliver gets with each entry a position that it is safe to resume from, or an empty
	// one; everything before it was delivered, whatever commits late. It must not keep the bytes.
	//
	// alive(t) says that nothing is missing that was appended before t, a time of this process with a monotonic reading, taken before the
	// round trip that proved it. Follow calls it once everything that was there has been delivered, and then once a second or more
	// often while that can be proved. It calls both functions from one goroutine.
	//
	// Follow returns an error when the connection is lost; the List calls it again with the last position. A position that the Store
	// cannot resume from, because it was trimmed, restored from a backup or is another's, is an error with a method Gap() bool that
	// returns true; the List then reads everything, and appends anew what it has and the Store has not.
	Follow(ctx context.Context, after string, deliver func(entry []byte, resume string) error, alive func(t time.Time)) error
}

// MaxRecord is how many bytes an entry of a Store has at most.
const MaxRecord = sealed.MaxSize
