package shards

import "crypto/sha256"

// Key stands for a text wherever something is remembered about it, so that the text itself is not.
type Key [sha256.Size]byte

// KeyOf hashes without allocating, however long text is: converting it for Sum256 would copy all of it.
func KeyOf(text string) (k Key) {
	hash := sha256.New()
	var buf [512]byte
	for len(text) > 0 {
		n := copy(buf[:], text)
		_, _ = hash.Write(buf[:n]) // never fails
		text = text[n:]
	}
	hash.Sum(k[:0])
	return k
}
