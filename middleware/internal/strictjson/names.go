package strictjson

import (
	"math/bits"
	"math/rand/v2"
)

// names holds the member names of all objects that are open at one point of the
// document, the innermost object's last, and finds equal ones in constant time.
type names struct {
	secrets secrets
	count   int

	// An ordinary document finds room here, on the reader's stack; for others
	// stack and slots move to the heap and double as needed.
	room struct {
		stack [32]name
		slots [64]uint32
	}
	stack []name
	slots hashTable
}

// secrets are drawn for each document, so that nobody can prepare names that collide.
type secrets struct {
	seed   uint64
	factor uint64 // odd
}

func newSecrets() secrets { return secrets{seed: rand.Uint64(), factor: rand.Uint64() | 1} }

type name struct {
	text string // as written, without its quotes
	hash uint64
}

func (n *names) tables() (stack []name, slots hashTable) {
	if n.stack != nil {
		return n.stack, n.slots
	}
	return n.room.stack[:], n.room.slots[:]
}

// add notes a name of the innermost open object, whose own names begin at
// first. It reports false if that object has the name already. plain says that every character is ASCII and stands for itself.
func (n *names) add(text string, plain bool, first int) bool {
	stack, slots := n.tables()
	if n.count == len(stack) {
		stack, slots = n.grow(stack)
	}
	added := name{text, n.hash(text, plain, first)}
	slot := slots.start(added.hash)
	for ; slots[slot] != 0; slot = slots.next(slot) {
		i := int(slots[slot]) - 1
		if i >= first && stack[i].hash == added.hash && stack[i].equal(added) {
			return false
		}
	}
	stack[n.count] = added
	n.count++
	slots[slot] = uint32(n.count)
	return true
}

// drop forgets the names from first on, those of an object that ends. Names
// leave in the reverse order of their coming, so that an emptied slot never
// cuts off a name that was put behind it.
func (n *names) drop(first int) {
	stack, slots := n.tables()
	for ; n.count > first; n.count-- {
		slot := slots.start(stack[n.count-1].hash)
		for slots[slot] != uint32(n.count) {
			slot = slots.next(slot)
		}
		slots[slot] = 0
	}
}

func (n *names) grow(full []name) ([]name, hashTable) {
	n.stack = make([]name, 2*len(full))
	n.slots = make(hashTable, 4*len(full))
	copy(n.stack, full)
	for i := range full {
		slot := n.slots.start(full[i].hash)
		for n.slots[slot] != 0 {
			slot = n.slots.next(slot)
		}
		n.slots[slot] = uint32(i + 1)
	}
	return n.stack, n.slots
}

// hash takes a name as equal does and no looser, so that two names of one object have the same hash only if they are the
// same, or by a chance that nobody can improve: one pair of characters that hash alone took for one would make 2^n names of n
// characters collide, whatever the secrets (CWE-407). It includes first, which differs for all open objects, because the same name
// at each level of a deep document would otherwise collide.
func (n *names) hash(text string, plain bool, first int) uint64 {
	h := n.secrets.seed
	if plain {
		h = mix(h, n.secrets.factor, text)
	} else {
		var room [64]byte
		h = mix(h, n.secrets.factor, appendDecoded(room[:0], text))
	}
	return step(h, n.secrets.factor, uint64(first))
}

// mix hashes text, eight bytes at a step. The last word holds the number of its bytes too, so that every text has words of its own.
func mix[T string | []byte](h, factor uint64, text T) uint64 {
	for ; len(text) >= 8; text = text[8:] {
		word := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
			uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
		h = step(h, factor, word)
	}
	word := uint64(len(text)) << 56
	switch last := len(text) - 1; { // without a loop; bytes that are taken twice come to the same place
	case last >= 3:
		word |= uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24
		word |= (uint64(text[last-3]) | uint64(text[last-2])<<8 | uint64(text[last-1])<<16 | uint64(text[last])<<24) << (8 * (last - 3))
	case last >= 0:
		middle := len(text) / 2
		word |= uint64(text[0]) | uint64(text[middle])<<(8*middle) | uint64(text[last])<<(8*last)
	}
	return step(h, factor, word)
}

// step multiplies by a secret: a known factor would let names be prepared that come to neighbouring slots.
func step(h, factor, word uint64) uint64 {
	high, low := bits.Mul64(h^word, factor)
	return high ^ low
}

func (a name) equal(b name) bool {
	return a.text == b.text || decode(a.text) == decode(b.text)
}

// hashTable resolves collisions by linear probing. It holds indices of names plus
// one, and zero in a free slot; its length is a power of two and twice that of the stack.
type hashTable []uint32

func (t hashTable) start(hash uint64) int { return int(hash & uint64(len(t)-1)) }
func (t hashTable) next(slot int) int     { return (slot + 1) & (len(t) - 1) }
