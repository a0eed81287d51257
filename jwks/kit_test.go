package jwks_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// The keys of these tests, made once: RSA keys are slow to make.
var (
	rsaA   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	rsaB   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256A  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p256B  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384   = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	p521   = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)) })
	ed     = sync.OnceValue(func() ed25519.PrivateKey { _, k, _ := ed25519.GenerateKey(rand.Reader); return k })
	secret = bytes.Repeat([]byte("0123456789abcdef"), 4)
)

// Tests provoke failures by the thousand; one that wants to read a line brings a Logger.
func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

type members map[string]any

// with returns a copy with more members, later ones winning.
func (m members) with(name string, value any) members {
	c := maps.Clone(m)
	c[name] = value
	return c
}

// publicJWK writes a public key down by RFC 7518 and 8037, without the library under test and without those below it.
func publicJWK(kid, alg string, key crypto.Signer) members {
	m := members{}
	switch key := key.Public().(type) {
	case *rsa.PublicKey:
		m = members{"kty": "RSA", "n": b64(key.N.Bytes()), "e": "AQAB"}
	case *ecdsa.PublicKey:
		point := must(key.Bytes())[1:]
		m = members{"kty": "EC", "crv": key.Params().Name, "x": b64(point[:len(point)/2]), "y": b64(point[len(point)/2:])}
	case ed25519.PublicKey:
		m = members{"kty": "OKP", "crv": "Ed25519", "x": b64(key)}
	}
	if kid != "" {
		m["kid"] = kid
	}
	if alg != "" {
		m["alg"] = alg
	}
	return m
}

func document(keys ...any) []byte {
	if keys == nil {
		keys = []any{}
	}
	return must(json.Marshal(map[string]any{"keys": keys}))
}

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// sign makes a JWS signature with the standard library alone.
func sign(alg string, key any, input string) []byte {
	if key, ok := key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, []byte(input))
	}
	hash := hashes[alg[2:]]
	h := hash.New()
	h.Write([]byte(input))
	digest := h.Sum(nil)
	switch alg[:2] {
	case "RS":
		return must(rsa.SignPKCS1v15(nil, key.(*rsa.PrivateKey), hash, digest))
	case "PS":
		return must(rsa.SignPSS(rand.Reader, key.(*rsa.PrivateKey), hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
	case "HS":
		mac := hmac.New(hash.New, key.([]byte))
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
	private := key.(*ecdsa.PrivateKey)
	r, s, err := ecdsa.Sign(rand.Reader, private, digest)
	if err != nil {
		panic(err)
	}
	size := (private.Params().BitSize + 7) / 8
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

// signPSS is PS256 with a salt of any length (RFC 8017 section 9.1.1), which crypto/rsa would not make in every mode.
func signPSS(key *rsa.PrivateKey, input string, length int) []byte {
	digest := sha256.Sum256([]byte(input))
	salt := bytes.Repeat([]byte{7}, length)
	h := sha256.Sum256(slices.Concat(make([]byte, 8), digest[:], salt))
	db := append(make([]byte, key.Size()-len(h)-2-length), 1)
	db = append(db, salt...)
	for i := range db { // under the mask MGF1
		mask := sha256.Sum256(binary.BigEndian.AppendUint32(h[:], uint32(i/len(h))))
		db[i] ^= mask[i%len(h)]
	}
	db[0] &= 0x7f
	encoded := new(big.Int).SetBytes(slices.Concat(db, h[:], []byte{0xbc}))
	return encoded.Exp(encoded, key.D, key.N).FillBytes(make([]byte, key.Size()))
}

// tooShort is an RSA key of 1024 bits, if not one that has factors which anybody knows.
func tooShort() *rsa.PrivateKey {
	n := new(big.Int).Rsh(rsaA().N, 1024)
	return &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n.SetBit(n.SetBit(n, 0, 1), 1023, 1), E: 65537}}
}

// source is what all key sources have in common.
type source interface {
	VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error)
}

// names tells the keys of an answer apart: id/algorithm each.
func names(keys []*jwks.Key) []string {
	list := []string{}
	for _, k := range keys {
		list = append(list, k.ID()+"/"+k.Algorithm())
	}
	return list
}

// issuer is a key server without a network. It answers with what answer returns, and writes down what it was asked and when.
type issuer struct {
	mu     sync.Mutex
	answer func(*http.Request) (*http.Response, error)
	asked  []*http.Request
	times  []time.Time
}

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.asked = append(i.asked, r)
	i.times = append(i.times, time.Now())
	answer := i.answer
	i.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return answer(r)
}

func (i *issuer) set(answer func(*http.Request) (*http.Response, error)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = answer
}

func (i *issuer) fetches() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.asked)
}

func (i *issuer) request(n int) *http.Request {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[n]
}

func respond(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for n := 0; n < len(header); n += 2 {
		h.Set(header[n], header[n+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader([]byte(body)))}
}

func always(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return respond(status, body, header...), nil }
}

func serving(keys ...any) func(*http.Request) (*http.Response, error) {
	return always(200, string(document(keys...)))
}

// slow answers after d, or when the request is given up.
func slow(d time.Duration, answer func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return answer(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

// record is a log that may be read while it is written.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func failing(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

const keysURL = "https://issuer.example/keys"

// newCache makes a Cache that asks i. In a synctest bubble it must be closed before the bubble ends, which Cleanup does.
func newCache(t *testing.T, i *issuer, change ...func(*jwks.Config)) *jwks.Cache {
	t.Helper()
	cfg := jwks.Config{URL: keysURL, HTTPClient: &http.Client{Transport: i}}
	for _, c := range change {
		c(&cfg)
	}
	cache, err := jwks.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	return cache
}
