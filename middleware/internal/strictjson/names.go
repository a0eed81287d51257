package strictjson

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// names holds the member names of all objects that are open at one point of the
// document, the innermost object's last, and finds equal ones in constant time.
type names struct {
	seed  uint64 // random, so that nobody can prepare names that collide
	count int

	// An ordinary document finds room here, on the reader's stack; for others
	// stack and slots move to the heap and double as needed.
	room struct {
		stack [32]name
		slots [64]uint32
	}
	stack []name
	slots hashTable
}

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
// first. It reports false if that object has the name, or one that differs only
// in case, already. plain says that every character is ASCII and stands for itself.
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

// hash includes first, which differs for all open objects, because the same
// name at each level of a deep document would otherwise collide.
func (n *names) hash(text string, plain bool, first int) uint64 {
	seed := n.seed + uint64(first)*0x9e3779b97f4a7c15
	if plain {
		return mix(seed, text)
	}
	var room [64]byte
	return mix(seed, AppendFold(room[:0], decode(text)))
}

// mix hashes text, eight bytes at a step. Setting the bit that tells small ASCII
// letters from capitals makes names alike that differ only in case, and some
// others: equal looks closer.
func mix[T string | []byte](h uint64, text T) uint64 {
	const (
		small  = 0x2020202020202020
		factor = 0xa0761d6478bd642f // odd, with its bits well spread
	)
	h ^= uint64(len(text))
	for ; len(text) >= 8; text = text[8:] {
		word := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
			uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
		high, low := bits.Mul64(h^(word|small), factor)
		h = high ^ low
	}
	var word uint64 // the rest, in which bytes may be taken twice
	switch last := len(text) - 1; {
	case last < 0:
		return h
	case last < 3:
		word = uint64(text[0]) | uint64(text[len(text)/2])<<8 | uint64(text[last])<<16
	default:
		word = uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
			uint64(text[last-3])<<32 | uint64(text[last-2])<<40 | uint64(text[last-1])<<48 | uint64(text[last])<<56
	}
	high, low := bits.Mul64(h^(word|small), factor)
	return high ^ low
}

func (a name) equal(b name) bool {
	return a.text == b.text || strings.EqualFold(decode(a.text), decode(b.text))
}

// hashTable resolves collisions by linear probing. It holds indices of names plus
// one, and zero in a free slot; its length is a power of two and twice that of the stack.
type hashTable []uint32

func (t hashTable) start(hash uint64) int { return int(hash & uint64(len(t)-1)) }
func (t hashTable) next(slot int) int     { return (slot + 1) & (len(t) - 1) }

// Fold returns name with every character replaced by the smallest one that
// differs from it only in case, as encoding/json does to match struct fields:
// two names are the same to such a reader exactly when their folds are equal.
// The fold of "sub", "Sub" and "ſub" is "SUB".
func Fold(name string) string {
	return string(AppendFold(nil, name))
}

// AppendFold appends the [Fold] of name to dst.
func AppendFold(dst []byte, name string) []byte {
	dst = slices.Grow(dst, len(name))
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z':
			dst = append(dst, byte(r-'a'+'A'))
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		default:
			dst = utf8.AppendRune(dst, foldRune(r))
		}
	}
	return dst
}

// foldRune walks up r's orbit of case variants until it wraps round to the smallest.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
