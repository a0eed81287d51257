package strictjson

import (
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Fold returns name with every character replaced by the smallest one that
// differs from it only in case, as encoding/json does to match struct fields:
// two names are the same to such a reader exactly when their folds are equal.
// The fold of "sub", "Sub" and "ſub" is "SUB".
func Fold(name string) string {
	return string(AppendFold(nil, name))
}

// AppendFold appends the [Fold] of name to dst.
func AppendFold(dst []byte, name string) []byte {
	start := len(dst)
	dst = append(dst, name...)
	return dst[:start+len(fold(dst[start:]))]
}

// fold is [Fold] in place: the smallest character of an orbit has at most as many bytes as any other.
func fold(name []byte) []byte {
	end := 0
	for i := 0; i < len(name); {
		c := name[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(name[i:])
			switch f := foldRune(r); {
			case f < utf8.RuneSelf:
				name[end] = byte(f)
				end++
			case f == r && end == i:
				end += size
			default:
				end += utf8.EncodeRune(name[end:], f)
			}
			i += size
			continue
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		name[end] = c
		i++
		end++
	}
	return name[:end]
}

// foldRune looks r up, because [unicode.SimpleFold] searches several tables and an attacker may write nothing but characters beyond
// ASCII.
func foldRune(r rune) rune {
	const size = uint32(len(block{}))
	at := uint32(r)
	if at >= size*uint32(len(blocks)) {
		return smallest(r)
	}
	known := blocks[at/size].Load()
	if known == nil {
		known = newBlock(rune(at / size * size))
		blocks[at/size].Store(known)
	}
	if known == &without {
		return r
	}
	return known[at%size]
}

// A block holds the folds of 128 characters in a row.
type block [128]rune

var (
	blocks  [0x20000 / len(block{})]atomic.Pointer[block] // each made when it is first needed. Beyond them nothing folds, as yet
	without block                                         // stands for every block whose characters are their own folds, as most are
)

func newBlock(first rune) *block {
	b := &without
	for i := range rune(len(b)) {
		f := smallest(first + i)
		if f == first+i {
			continue
		}
		if b == &without {
			b = new(block)
			for j := range b {
				b[j] = first + rune(j)
			}
		}
		b[i] = f
	}
	return b
}

// smallest walks up r's orbit of case variants until it wraps round to the smallest.
func smallest(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
