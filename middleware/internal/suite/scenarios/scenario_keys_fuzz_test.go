package scenarios_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// The keys with which tokens of a scenario are signed: four for ES256, two for Ed25519, which cost more to read. They are the same in
// every process.
var scenarioKeys = sync.OnceValue(func() (keys []crypto.Signer) {
	for i := range 4 {
		keys = append(keys, testkit.Must(ecdsa.ParseRawPrivateKey(elliptic.P256(), []byte(strings.Repeat(string(rune('a'+i)), 32)))))
	}
	for i := range 2 {
		keys = append(keys, testkit.EdKeyOf([]byte(strings.Repeat(string(rune('a'+i)), ed25519.SeedSize))))
	}
	return keys
})

// scenarioJWKs are their public members, without braces.
var scenarioJWKs = sync.OnceValue(func() (texts []string) {
	for _, key := range scenarioKeys() {
		text := string(testkit.JSON(testkit.JWK(key.Public())))
		texts = append(texts, text[1:len(text)-1])
	}
	return texts
})

// algorithmsOfKey lists what a key can sign.
func algorithmsOfKey(key int) []string {
	if key < 4 {
		return []string{"ES256"}
	}
	return []string{"EdDSA", "Ed25519"}
}

// signWith signs in the same way every time, so that a failure can be seen again.
func signWith(key int, input string) []byte {
	if k, ok := scenarioKeys()[key].(ed25519.PrivateKey); ok {
		return ed25519.Sign(k, []byte(input))
	}
	digest := sha256.Sum256([]byte(input))
	der := testkit.Must(scenarioKeys()[key].Sign(nil, digest[:], crypto.SHA256)) // RFC 6979
	var rs struct{ R, S *big.Int }
	testkit.Must(asn1.Unmarshal(der, &rs))
	return append(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32))...)
}

// listed is a key of a document, as it is written there.
type listed struct {
	key                int
	kid, alg, use, ops string
	private            bool
}

// usable reports whether the key may verify anything (RFC 7517 sections 4.2 to 4.4).
func (l listed) usable() bool {
	return !l.private && (l.use == "" || l.use == "sig") && (l.ops == "" || strings.Contains(l.ops, `"verify"`)) &&
		(l.alg == "" || slices.Contains(algorithmsOfKey(l.key), l.alg))
}

// verifies reports whether the key serves an algorithm. One that names none is held to what another entry says of it.
func (l listed) verifies(alg string, all []listed) bool {
	own := l.alg
	for _, other := range all {
		if own == "" && other.key == l.key {
			own = other.alg
		}
	}
	return alg == own || own == "" && slices.Contains(algorithmsOfKey(l.key), alg)
}

// document is what an issuer publishes.
type document struct {
	status  int // of the HTTP answer; zero: none comes
	keys    []listed
	spoiled string // instead of keys: a document of which nobody says what is in it
}

func (d *document) text() string {
	if d.spoiled != "" {
		return d.spoiled
	}
	var b strings.Builder
	b.WriteString(`{"keys":[`)
	for i, l := range d.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		b.WriteString(scenarioJWKs()[l.key])
		for _, member := range [][2]string{{"kid", l.kid}, {"alg", l.alg}, {"use", l.use}} {
			if member[1] != "" {
				fmt.Fprintf(&b, `,%q:%q`, member[0], member[1])
			}
		}
		if l.ops != "" {
			b.WriteString(`,"key_ops":` + l.ops)
		}
		if l.private {
			b.WriteString(`,"d":"AAAA"`)
		}
		b.WriteByte('}')
	}
	b.WriteString("]}")
	return b.String()
}

// memory is what one cache has been told by one issuer, written down by those who told it.
type memory struct {
	version int      // grows with every fetch
	keys    []listed // that were usable, in the last document that had any
	at      time.Time
	lasts   time.Duration // how long they are good; zero: for ever
	failed  bool          // the last fetch brought nothing
	unclear bool          // it is not known what the last document was taken for
	loose   [6]bool       // keys that an unclear document may hold
}

func (m *memory) fetched(d *document) {
	m.version++
	if d.spoiled != "" && d.status == http.StatusOK {
		m.unclear = true
		for key, jwk := range scenarioJWKs() {
			_, x, _ := strings.Cut(jwk, `"x":"`)
			m.loose[key] = m.loose[key] || strings.Contains(d.spoiled, x[:43])
		}
		return
	}
	usable := slices.DeleteFunc(slices.Clone(d.keys), func(l listed) bool { return !l.usable() })
	if d.status != http.StatusOK || len(usable) == 0 {
		m.failed = true
		return
	}
	*m = memory{version: m.version, keys: usable, at: time.Now(), lasts: m.lasts}
}

// held reports whether there are keys at this time.
func (m *memory) held() bool {
	return !m.at.IsZero() && (m.lasts == 0 || time.Since(m.at) < m.lasts)
}

// knows reports whether the kid is one of the issuer's.
func (m *memory) knows(kid string) bool {
	return kid == "" || slices.ContainsFunc(m.keys, func(l listed) bool { return l.kid == kid })
}

// verifies reports whether a key is among those for a kid and algorithm. A kid that is unknown leads to the keys that have none.
func (m *memory) verifies(key int, kid, alg string) bool {
	want := kid
	if !m.knows(kid) {
		want = ""
	}
	return slices.ContainsFunc(m.keys, func(l listed) bool {
		return l.key == key && (kid == "" || l.kid == want) && l.verifies(alg, m.keys)
	})
}

// web answers for all issuers, and keeps the memory of one client.
type web struct {
	s      *scenario
	memory [issuers]memory
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	i := slices.Index(hosts, r.URL.Host)
	d := w.s.documents[i]
	respond := func(status int, text string) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)),
			Request: r,
		}, nil
	}
	if strings.Contains(r.URL.Path, "/.well-known/") && d.status == http.StatusOK {
		return respond(d.status, fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, issuerURL(i), keysURL(i)))
	}
	w.memory[i].fetched(&d)
	if d.status == 0 {
		return nil, errors.New("out of reach")
	}
	return respond(d.status, d.text())
}

// shelf is a KeySource of an application: a fixed set that is replaced when it is told to look.
type shelf struct {
	s      *scenario
	issuer int
	memory memory
	set    *jwks.Set
}

func (k *shelf) Refresh(context.Context) error {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	d := k.s.documents[k.issuer]
	k.memory.fetched(&d)
	if d.status != http.StatusOK {
		return errors.New("out of reach")
	}
	set, err := jwks.Static([]byte(d.text()))
	if d.spoiled == "" && (err == nil) == k.memory.failed {
		k.s.t.Fatalf("%s: %v", d.text(), err)
	}
	if err == nil {
		k.set = set
	}
	return err
}

func (k *shelf) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	if k.set == nil {
		return nil, jwks.ErrUnavailable
	}
	return k.set.VerificationKeys(ctx, kid, alg)
}
