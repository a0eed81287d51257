package stream

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

// sort is a sort of tokens that is kept in stock.
type sort int

const (
	good   sort = iota
	weak        // without the scope that the route wants
	bound       // to a client's key
	ending      // within a second or two
	expired
	early
	otherAudience
	otherIssuer
	otherServersKey
	altered
	swapped
	unsigned
	idToken
	opaque
	opaqueElsewhere // for another audience
	ended           // revoked
	withdrawn       // of keys that are no longer published
	newKey          // of keys that may not be known yet
	sorts
)

// sizes of the rings; every ring gets about ten new tokens a second.
var sizes = [sorts]int{good: 256, weak: 32, bound: 64, ending: 8, opaque: 128, ended: 64, withdrawn: 64, newKey: 32}

// stock is the tokens of one authorization server, made ahead of time.
type stock struct {
	of      *Authority
	other   *Authority // whose keys are not of's
	rings   [sorts]*ring
	fresh   chan *Token // good ones that nobody has seen
	clients []crypto.Signer
}

func newStock(of, other *Authority) *stock {
	s := &stock{of: of, other: other, fresh: make(chan *Token, 1024), clients: clientKeys()}
	for i := range s.rings {
		s.rings[i] = newRing(cmp.Or(sizes[i], 16))
	}
	for range 64 {
		s.restock(time.Now())
	}
	return s
}

func clientKeys() (keys []crypto.Signer) {
	for range 8 {
		_, edwards, err := ed25519.GenerateKey(rand.Reader)
		if err == nil {
			keys = append(keys, edwards)
		}
		curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err == nil {
			keys = append(keys, curve)
		}
	}
	return keys
}

// run keeps the stock until ctx ends.
func (s *stock) run(ctx context.Context) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.sortOut()
			s.restock(time.Now())
		}
	}
}

// runFresh makes as many new tokens as are used.
func (s *stock) runFresh(ctx context.Context) {
	for ctx.Err() == nil {
		if !s.of.settled(time.Now()) {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		t := s.of.mint(anyAlgorithm(), nil)
		if !s.of.known(t.generation, time.Now()) {
			continue // keys have rotated just now
		}
		select {
		case <-ctx.Done():
			return
		case s.fresh <- t:
		}
	}
}

// sortOut takes out what the keys in force have not signed, and what was of new keys and is like any other by now.
func (s *stock) sortOut() {
	settled := s.of.settled(time.Now())
	for sort, r := range s.rings {
		if sort == int(withdrawn) || sort == int(ended) {
			continue
		}
		out := r.take(r.size, func(t *Token) bool { return sort == int(newKey) && settled || !s.of.published(t) })
		for _, t := range out {
			if !s.of.published(t) && (sort == int(good) || sort == int(newKey)) {
				s.rings[withdrawn].put(t)
			}
		}
	}
}

// restock makes one token of every sort. Tokens of keys that the resource server may not know yet are a sort of their own.
func (s *stock) restock(now time.Time) {
	s.rings[opaque].put(s.of.opaque(nil))
	s.rings[opaqueElsewhere].put(s.of.opaque(authtest.Claims{"aud": "https://other.example.test"}))
	if !s.of.settled(now) {
		s.rings[newKey].put(s.of.mint(anyAlgorithm(), nil))
		return
	}
	s.put(good, s.of.mint(anyAlgorithm(), nil))
	s.put(weak, s.of.mint(nil, authtest.Claims{"scope": "write"}))
	s.put(bound, s.bound())
	s.put(ending, s.ending(now))
	hour := time.Hour
	s.put(expired, s.of.mint(nil, authtest.Claims{"iat": now.Add(-2 * hour), "exp": now.Add(-hour)}))
	s.put(early, s.of.mint(nil, authtest.Claims{"nbf": now.Add(hour), "exp": now.Add(2 * hour)}))
	s.put(otherAudience, s.of.mint(nil, authtest.Claims{"aud": "https://other.example.test"}))
	s.put(otherIssuer, s.of.mint(nil, authtest.Claims{"iss": "https://evil.example.test"}))
	s.put(otherServersKey, s.crossed())
	s.put(altered, s.edited(func(h, p, sig string) string { return h + "." + p + "." + flipped(sig) }))
	s.put(swapped, s.edited(func(h, p, sig string) string { return h + "." + otherPayload(s.of) + "." + sig }))
	s.put(unsigned, s.of.mint(authtest.Header{"alg": "none"}, nil))
	s.put(idToken, s.of.mint(authtest.Header{"typ": "JWT"}, authtest.Claims{"nonce": "n-0S6_WzA2Mj", "at_hash": "MTIzNDU2Nzg5MGFiY2RlZg"}))
}

// put files a token. Keys may have rotated just before it was made, and then it is another sort.
func (s *stock) put(as sort, t *Token) {
	switch {
	case t.generation == noKeys || s.of.known(t.generation, time.Now()):
		s.rings[as].put(t)
	case as == good:
		s.rings[newKey].put(t)
	}
}

// anyAlgorithm prefers the ones that servers use and that are signed fast.
func anyAlgorithm() authtest.Header {
	names := []string{
		"ES256", "ES256", "ES256", "ES256", "ES256", "ES256", "EdDSA", "EdDSA", "EdDSA", "EdDSA", "EdDSA", "Ed25519", "RS256", "RS256",
		"PS256", "ES384",
	}
	return authtest.Header{"alg": names[mathrand.IntN(len(names))]}
}

func (s *stock) bound() *Token {
	key := s.clients[mathrand.IntN(len(s.clients))]
	t := s.of.mint(nil, authtest.Claims{"cnf": authtest.Claims{"jkt": authtest.Thumbprint(key)}})
	t.Key = key
	return t
}

// ending makes a token that ends with the next second or the one after it.
func (s *stock) ending(now time.Time) *Token {
	ends := time.Unix(now.Unix()+2, 0)
	t := s.of.mint(nil, authtest.Claims{"iat": now.Add(-time.Hour), "exp": ends.Add(-defaultLeeway)})
	t.ends = ends
	return t
}

// crossed claims to be of one server and is signed by another.
func (s *stock) crossed() *Token {
	t := s.other.mint(nil, authtest.Claims{"iss": s.of.Trust.Issuer})
	return &Token{Raw: t.Raw, Subject: t.Subject, Authority: s.of, generation: noKeys}
}

func (s *stock) edited(edit func(header, payload, signature string) string) *Token {
	t := s.of.mint(nil, nil)
	parts := strings.SplitN(t.Raw, ".", 3)
	t.Raw = edit(parts[0], parts[1], parts[2])
	return t
}

func otherPayload(a *Authority) string {
	return strings.Split(a.mint(nil, authtest.Claims{"sub": "admin"}).Raw, ".")[1]
}

// flipped changes the middle of a signature.
func flipped(signature string) string {
	middle := len(signature) / 2
	other := "A"
	if signature[middle] == 'A' {
		other = "B"
	}
	return signature[:middle] + other + signature[middle+1:]
}
