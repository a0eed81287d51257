package compact

import "encoding/binary"

// sextets has the value of each character of base64url in each of the four places of a group, and invalid for every other
// character. With one table for each place a group is four look-ups and no shift; this is where a large part of the time
// that is not cryptography would go otherwise.
var sextets = func() (tables [4][256]uint32) {
	for place := range tables {
		for c := range tables[place] {
			tables[place][c] = invalid
		}
		for value, c := range []byte(alphabet) {
			tables[place][c] = uint32(value) << (6 * (3 - place))
		}
	}
	return tables
}()

const invalid = 1 << 31

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// pairs has the two characters of every twelve bits.
var pairs = func() (table [1 << 12]uint16) {
	for bits := range table {
		table[bits] = uint16(alphabet[bits>>6])<<8 | uint16(alphabet[bits&0x3f])
	}
	return table
}()

// decodedLen is how many bytes a segment of n characters stands for.
func decodedLen(n int) int { return n/4*3 + n%4*3/4 }

// decodeInto decodes a segment of strict base64url without padding (RFC 7515 section 2) into dst, which has room for
// decodedLen bytes. Unused bits of the last character must be zero (RFC 4648 section 3.5), or one token could be spelt in
// several ways.
func decodeInto(dst []byte, segment string) bool {
	if len(segment)%4 == 1 { // no text has this length
		return false
	}
	first, second, third, fourth := &sextets[0], &sextets[1], &sextets[2], &sextets[3]
	var seen uint32 // everything that was looked up
	for ; len(segment) >= 8 && len(dst) >= 8; segment, dst = segment[8:], dst[6:] {
		a := first[segment[0]] | second[segment[1]] | third[segment[2]] | fourth[segment[3]]
		b := first[segment[4]] | second[segment[5]] | third[segment[6]] | fourth[segment[7]]
		seen |= a | b
		binary.BigEndian.PutUint64(dst, uint64(a)<<40|uint64(b)<<16) // two bytes too many, which the next step overwrites
	}
	for ; len(segment) >= 4; segment, dst = segment[4:], dst[3:] {
		a := first[segment[0]] | second[segment[1]] | third[segment[2]] | fourth[segment[3]]
		seen |= a
		dst[0], dst[1], dst[2] = byte(a>>16), byte(a>>8), byte(a)
	}
	switch len(segment) {
	case 2:
		a := first[segment[0]] | second[segment[1]]
		seen |= a | unused(a, 16)
		dst[0] = byte(a >> 16)
	case 3:
		a := first[segment[0]] | second[segment[1]] | third[segment[2]]
		seen |= a | unused(a, 8)
		dst[0], dst[1] = byte(a>>16), byte(a>>8)
	}
	return seen&invalid == 0
}

// unused is invalid if one of the low bits is set.
func unused(group uint32, low int) uint32 {
	if group&(1<<low-1) != 0 {
		return invalid
	}
	return 0
}

// Spells reports whether segment is the one spelling of text in strict base64url without padding, so that [Text] would make text of it.
// It allocates nothing, and takes half the time of decoding and of hashing.
func Spells(segment, text string) bool {
	if decodedLen(len(segment)) != len(text) || len(segment)%4 == 1 {
		return false
	}
	var differing uint64
	for len(text) >= 8 && len(segment) >= 8 {
		bits := uint64(text[0])<<56 | uint64(text[1])<<48 | uint64(text[2])<<40 | uint64(text[3])<<32 |
			uint64(text[4])<<24 | uint64(text[5])<<16 | uint64(text[6])<<8 | uint64(text[7]) // two bytes too many, which do not count
		want := uint64(pairs[bits>>52])<<48 | uint64(pairs[bits>>40&0xfff])<<32 | uint64(pairs[bits>>28&0xfff])<<16 | uint64(pairs[bits>>16&0xfff])
		got := uint64(segment[0])<<56 | uint64(segment[1])<<48 | uint64(segment[2])<<40 | uint64(segment[3])<<32 |
			uint64(segment[4])<<24 | uint64(segment[5])<<16 | uint64(segment[6])<<8 | uint64(segment[7])
		differing |= want ^ got
		text, segment = text[6:], segment[8:]
	}
	var rest [8]byte // text has seven bytes at most here, and segment ten characters
	return differing == 0 && len(segment) <= 10 && decodeInto(rest[:len(text)], segment) && string(rest[:len(text)]) == text
}
