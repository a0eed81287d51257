package shared

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

const (
	// MinSecret is how many bytes a secret must have.
	MinSecret = 32

	version   = 1
	saltSize  = 16
	timeSize  = 8
	gcmExtra  = 12 + 16  // nonce and tag
	maxClaims = 64 << 10 // of an answer
	keySize   = 32       // AES-256
	label     = "cardea introspection shared v1"
	header    = 1 + saltSize
	minSealed = header + gcmExtra + timeSize
	maxSealed = minSealed + maxClaims
)

// Answer is what the server said about an active token.
type Answer struct {
	Claims string
	Asked  time.Time // the server
}

// Seal turns tokens into keys of a cache, and answers into values, for those who hold its secret. A value is
//
//	version (1 byte) | salt (16) | nonce (12) | AES-256-GCM of (time of asking in ns since 1970 (8) | claims) | tag (16)
//
// under a key of its own, derived from secret and salt, so that no key seals more than one value, however many instances write for
// however long: random nonces alone would end at 2³² values. Its additional data are version and cache key, so that a value means nothing
// in another place.
type Seal struct {
	index  []byte // key of the HMAC over tokens
	values []byte // from which the keys of values are derived
}

// NewSeal makes the Seal of one secret. Seals are the same only if they have all of binding in common.
func NewSeal(secret []byte, binding ...string) (*Seal, error) {
	index, err := hkdf.Key(sha256.New, secret, nil, info("key", binding), keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	values, err := hkdf.Key(sha256.New, secret, nil, info("seal", binding), keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return &Seal{index, values}, nil
}

// info writes the length before each field, so that no two fields can be shifted into one another.
func info(purpose string, binding []string) string {
	var b []byte
	for _, field := range append([]string{label, purpose}, binding...) {
		b = binary.BigEndian.AppendUint64(b, uint64(len(field)))
		b = append(b, field...)
	}
	return string(b)
}

// Key is where the answer about a token is kept: 64 hexadecimal digits, which tell nothing of it to whoever lacks the secret.
func (s *Seal) Key(token string) string {
	mac := hmac.New(sha256.New, s.index)
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

// Seal makes the value of key.
func (s *Seal) Seal(key string, answer Answer) ([]byte, error) {
	value := make([]byte, header, minSealed+len(answer.Claims))
	value[0] = version
	rand.Read(value[1:header]) // never fails: crypto/rand ends the program instead
	aead, err := s.aead(value[1:header])
	if err != nil {
		return nil, err
	}
	text := binary.BigEndian.AppendUint64(make([]byte, 0, timeSize+len(answer.Claims)), uint64(answer.Asked.UnixNano()))
	text = append(text, answer.Claims...)
	return aead.Seal(value, nil, text, additional(key)), nil
}

// Open returns false for everything but what a holder of the secret has sealed for this key. How old it is remains to be judged.
func (s *Seal) Open(key string, value []byte) (Answer, bool) {
	if len(value) < minSealed || len(value) > maxSealed || value[0] != version {
		return Answer{}, false
	}
	aead, err := s.aead(value[1:header])
	if err != nil {
		return Answer{}, false
	}
	text, err := aead.Open(nil, nil, value[header:], additional(key))
	if err != nil {
		return Answer{}, false
	}
	asked := time.Unix(0, int64(binary.BigEndian.Uint64(text)))
	return Answer{Claims: string(text[timeSize:]), Asked: asked}, true
}

func (s *Seal) aead(salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Expand(sha256.New, s.values, string(salt), keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func additional(key string) []byte { return append([]byte{version}, key...) }
