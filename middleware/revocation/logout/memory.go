package logout

import (
	"crypto/sha256"
	"sync"
)

// maxSeen is how many logout tokens are remembered. One that was forgotten and comes again is entered again, which changes nothing.
const maxSeen = 4096

// digest stands for a logout token.
type digest [sha256.Size]byte

// digestOf tells tokens apart by issuer and jti.
func digestOf(issuer, id string) digest { return sha256.Sum256([]byte(issuer + "\x00" + id)) }

// memory remembers the latest logout tokens that were entered. The zero memory is empty and ready. It is safe for concurrent use.
type memory struct {
	mu   sync.Mutex
	set  map[digest]bool
	ring []digest // the oldest is next
	next int
}

func (m *memory) has(d digest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.set[d]
}

func (m *memory) add(d digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set == nil {
		m.set = make(map[digest]bool)
	}
	switch {
	case m.set[d]:
		return
	case len(m.ring) < maxSeen:
		m.ring = append(m.ring, d)
	default:
		delete(m.set, m.ring[m.next])
		m.ring[m.next] = d
		m.next = (m.next + 1) % maxSeen
	}
	m.set[d] = true
}
