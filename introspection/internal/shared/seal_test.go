package shared_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection/internal/shared"
)

const (
	secret = "a secret of thirty-two bytes, 32"
	token  = "canary-Token_0123456789"
	claims = `{"active":true,"sub":"canary-alice"}`
)

var asked = time.Unix(1_700_000_000, 123_456_789)

func newSeal(t testing.TB, secret string, binding ...string) *shared.Seal {
	t.Helper()
	seal, err := shared.NewSeal([]byte(secret), binding...)
	if err != nil {
		t.Fatal(err)
	}
	return seal
}

func sealed(t testing.TB, seal *shared.Seal, token string) (key string, value []byte) {
	t.Helper()
	key = seal.Key(token)
	value, err := seal.Seal(key, shared.Answer{Claims: claims, Asked: asked})
	if err != nil {
		t.Fatal(err)
	}
	return key, value
}

// derive is HKDF-Expand (RFC 5869) for one block, after HKDF-Extract where there is no key yet.
func derive(key []byte, info string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(info + "\x01"))
	return mac.Sum(nil)
}

// openAgain reads a value by what the comment on Seal says of it, with other code.
func openAgain(key string, value []byte, binding ...string) (shared.Answer, bool) {
	extract := hmac.New(sha256.New, make([]byte, sha256.Size))
	extract.Write([]byte(secret))
	info := ""
	for _, field := range append([]string{"cardea introspection shared v1", "seal"}, binding...) {
		info += string(binary.BigEndian.AppendUint64(nil, uint64(len(field)))) + field
	}
	if len(value) < 53 || value[0] != 1 {
		return shared.Answer{}, false
	}
	block, err := aes.NewCipher(derive(derive(extract.Sum(nil), info), string(value[1:17])))
	if err != nil {
		return shared.Answer{}, false
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return shared.Answer{}, false
	}
	text, err := gcm.Open(nil, nil, value[17:], []byte("\x01"+key))
	if err != nil || len(text) < 8 {
		return shared.Answer{}, false
	}
	return shared.Answer{Claims: string(text[8:]), Asked: time.Unix(0, int64(binary.BigEndian.Uint64(text[:8])))}, true
}

func TestSealOpensWhatItHasSealed(t *testing.T) {
	seal, twin := newSeal(t, secret, "url", "client"), newSeal(t, secret, "url", "client")
	key, value := sealed(t, seal, token)
	if key != twin.Key(token) || key != seal.Key(token) {
		t.Error("two instances look for one token in two places")
	}
	for name, open := range map[string]func() (shared.Answer, bool){
		"itself":           func() (shared.Answer, bool) { return seal.Open(key, value) },
		"another instance": func() (shared.Answer, bool) { return twin.Open(key, value) },
		"other code":       func() (shared.Answer, bool) { return openAgain(key, value, "url", "client") },
	} {
		if answer, ok := open(); !ok || answer.Claims != claims || !answer.Asked.Equal(asked) {
			t.Errorf("%s: %v, %t", name, answer, ok)
		}
	}
}

func TestSealShowsNothing(t *testing.T) {
	seal := newSeal(t, secret)
	key, value := sealed(t, seal, token)
	if len(key) != 64 || strings.Trim(key, "0123456789abcdef") != "" {
		t.Errorf("the key is %q", key)
	}
	digest := sha256.Sum256([]byte(token))
	for _, piece := range []string{"canary", "active", "alice", string(digest[:8]), hex.EncodeToString(digest[:8])} {
		if strings.Contains(key, piece) || bytes.Contains(value, []byte(piece)) {
			t.Errorf("%q is shown", piece)
		}
	}
	_, again := sealed(t, seal, token)
	if bytes.Equal(value[1:17], again[1:17]) || bytes.Equal(value[17:29], again[17:29]) || bytes.Equal(value[29:37], again[29:37]) {
		t.Error("two values of one answer have salt, nonce or text in common")
	}
}

func TestSealsDiffer(t *testing.T) {
	seal := newSeal(t, secret, "url", "client")
	key, value := sealed(t, seal, token)
	for name, other := range map[string]*shared.Seal{
		"another secret":                      newSeal(t, "A secret of thirty-two bytes, 32", "url", "client"),
		"another endpoint":                    newSeal(t, secret, "URL", "client"),
		"another client":                      newSeal(t, secret, "url", "clients"),
		"a field that was moved":              newSeal(t, secret, "urlc", "lient"),
		"a field that is missing":             newSeal(t, secret, "url"),
		"an empty field more":                 newSeal(t, secret, "url", "client", ""),
		"fields in another order":             newSeal(t, secret, "client", "url"),
		"a field with the next one's length":  newSeal(t, secret, "url\x00\x00\x00\x00\x00\x00\x00\x06client"),
		"the purpose of the other key, first": newSeal(t, secret, "seal", "url", "client"),
	} {
		if other.Key(token) == key {
			t.Errorf("%s: the same key", name)
		}
		if _, ok := other.Open(key, value); ok {
			t.Errorf("%s: opened", name)
		}
	}
}

// Whoever writes to the cache has values that were once good, and can do with them as he likes.
func TestSealOpensNothingElse(t *testing.T) {
	seal := newSeal(t, secret)
	key, value := sealed(t, seal, token)
	for i := range value {
		for bit := range 8 {
			changed := bytes.Clone(value)
			changed[i] ^= 1 << bit
			if _, ok := seal.Open(key, changed); ok {
				t.Errorf("bit %d of byte %d was changed, and it opens", bit, i)
			}
		}
		if _, ok := seal.Open(key, value[:i]); ok {
			t.Errorf("it was cut to %d bytes, and it opens", i)
		}
		if _, ok := seal.Open(key, value[i+1:]); ok {
			t.Errorf("%d bytes are missing at its front, and it opens", i+1)
		}
		if _, ok := seal.Open(key, append(bytes.Clone(value), value[:i+1]...)); ok {
			t.Errorf("%d bytes were added, and it opens", i+1)
		}
	}
	otherKey, other := sealed(t, seal, "another")
	for name, row := range map[string]struct {
		key   string
		value []byte
	}{
		"in the place of another":         {otherKey, value},
		"another in its place":            {key, other},
		"the key in upper case":           {strings.ToUpper(key), value},
		"no key":                          {"", value},
		"no value":                        {key, nil},
		"zeros":                           {key, make([]byte, len(value))},
		"the head of one, the end of two": {key, append(bytes.Clone(value[:17]), other[17:]...)},
		"the end of one, the head of two": {key, append(bytes.Clone(other[:17]), value[17:]...)},
		"plain claims":                    {key, []byte(claims)},
		"a version to come":               {key, append([]byte{2}, value[1:]...)},
	} {
		if _, ok := seal.Open(row.key, row.value); ok {
			t.Errorf("%s: opened", name)
		}
	}
}

func TestSealOpensNothingLargerThanAnAnswer(t *testing.T) {
	seal := newSeal(t, secret)
	key := seal.Key(token)
	for size, want := range map[int]bool{0: true, 64 << 10: true, 64<<10 + 1: false} {
		value, err := seal.Seal(key, shared.Answer{Claims: strings.Repeat("x", size), Asked: asked})
		if err != nil {
			t.Fatal(err)
		}
		if answer, ok := seal.Open(key, value); ok != want || ok && len(answer.Claims) != size {
			t.Errorf("%d bytes of claims: %t", size, ok)
		}
	}
}

func FuzzOpen(f *testing.F) {
	seal := newSeal(f, secret, "url")
	key, value := sealed(f, seal, token)
	_, other := sealed(f, newSeal(f, secret), token)
	f.Add(key, value)
	f.Add(key, value[:52])
	f.Add(key, other)
	f.Add("", []byte(nil))
	f.Fuzz(func(t *testing.T, place string, content []byte) {
		answer, ok := seal.Open(place, content)
		again, okAgain := openAgain(place, content, "url")
		if ok != okAgain && len(content) <= 64<<10+53 || ok && (answer.Claims != again.Claims || !answer.Asked.Equal(again.Asked)) {
			t.Fatalf("opens as %v, %t, and by other code as %v, %t", answer, ok, again, okAgain)
		}
		if ok && (place != key || !bytes.Equal(content, value)) && bytes.Equal(content[:17], value[:17]) {
			t.Fatal("a forged value opens") // one that another run of this test has sealed is genuine
		}
	})
}
