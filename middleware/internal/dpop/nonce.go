package dpop

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// nonces makes and judges nonces (RFC 9449 sections 8 and 9) without remembering any: a nonce is the time at which
// it was made, sealed with a secret, so every replica that has the secret knows it.
type nonces struct {
	secrets [][]byte // newest first; the first seals, all of them open
	life    time.Duration
}

const (
	nonceTime = 8
	nonceSeal = 16 // bytes of the HMAC: forging one in 2^128 is not the weakest part of a nonce
	// nonceLabel keeps the seal from meaning anything wherever else the secret is used, such as for nonces of an
	// authorization server.
	nonceLabel = "cardea resource server DPoP nonce\x00"
)

// issue returns a nonce of base64url characters (RFC 9449 section 8.1).
func (n *nonces) issue(now time.Time) string {
	made := make([]byte, nonceTime, nonceTime+nonceSeal)
	binary.BigEndian.PutUint64(made, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(made, seal(n.secrets[0], made)...))
}

// next judges the nonce of a proof, and returns the one to hand out with the answer: with every refusal, and when the present one has
// lived half its life. Once nonces are in force a proof without one is never accepted (RFC 9449 section 11.3).
func (n *nonces) next(nonce string, now time.Time) (next string, err error) {
	if n == nil {
		return "", nil
	}
	early, err := n.accepts(nonce, now)
	if early || err != nil {
		next = n.issue(now)
	}
	return next, err
}

// accepts reports whether nonce is one of ours and in its time; early says that it is time to hand out the next.
func (n *nonces) accepts(nonce string, now time.Time) (early bool, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(raw) != nonceTime+nonceSeal || len(nonce) != base64.RawURLEncoding.EncodedLen(len(raw)) {
		return false, errNonce
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(raw)), 0)
	age := now.Sub(made)
	if age >= n.life || age < -clockSkew { // clocks of replicas differ
		return false, errNonce
	}
	for _, secret := range n.secrets {
		if hmac.Equal(seal(secret, raw[:nonceTime]), raw[nonceTime:]) {
			return age >= n.life/2, nil
		}
	}
	return false, errNonce
}

func seal(secret, made []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(nonceLabel))
	mac.Write(made)
	return mac.Sum(nil)[:nonceSeal]
}
