package bindings_test

import (
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestAProofIsGoodOnce(t *testing.T) {
	guard := kit.DPoPValidator(t, nil).Require()
	r := kit.ProvenRequest(testkit.EdKey())
	kit.WantServed(t, guard, r, "200", "")
	for range 3 {
		kit.WantServed(t, guard, r, kit.BadProof, middleware.ReasonProofReplay)
	}
}

// The signature of ECDSA is malleable, and a header may be written anew: what is remembered is the jti.
func TestAReplayInAnotherDress(t *testing.T) {
	guard := kit.DPoPValidator(t, nil).Require()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.P256Key())))
	for i, p := range []testkit.Proof{
		{Header: nil}, {Header: kit.Claims{"x": 1}}, {Claims: kit.Claims{"iat": testkit.Now.Unix() - 30}}, {Claims: kit.Claims{"iat": testkit.Now.Unix() + 30}},
	} {
		p.Key, p.Token = testkit.P256Key(), token
		p.Claims = kit.Claims{"jti": "once"}.With(p.Claims)
		outcome := kit.BadProof
		if i == 0 {
			outcome = "200"
		}
		kit.WantServed(t, guard, kit.DPoPRequest(token, p.String()), outcome, "")
	}
}

// A jti is its client's own: nobody can spend another's.
func TestTwoClientsMayUseOneJTI(t *testing.T) {
	guard := kit.DPoPValidator(t, nil).Require()
	for _, key := range []ed25519.PrivateKey{testkit.EdKey(), testkit.StrangeKey()} {
		token := kit.Mint(kit.GoodClaims(kit.BoundTo(key)))
		kit.WantServed(t, guard, kit.DPoPRequest(token, testkit.Proof{Key: key, Token: token, Claims: kit.Claims{"jti": "same"}}.String()), "200", "")
	}
}

// A proof is remembered for as long as it could pass, also one from a clock that runs ahead.
func TestAProofIsRememberedUntilItExpires(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Minute, 0, time.Minute} {
		at := testkit.Now
		guard := kit.NewValidator(t, kit.SetClock(&at)).Require()
		token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
		r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"iat": testkit.Now.Add(ahead).Unix()}}.String())
		kit.WantServed(t, guard, r, "200", "")
		for ; !at.After(testkit.Now.Add(ahead + time.Minute)); at = at.Add(time.Second) {
			kit.WantServed(t, guard, r, kit.BadProof, middleware.ReasonProofReplay)
		}
		kit.WantServed(t, guard, r, kit.BadProof, middleware.ReasonProof) // expired
	}
}

func TestManyAtOnceSpendAProofOnce(t *testing.T) {
	guard := kit.DPoPValidator(t, nil).Require()
	r := kit.ProvenRequest(testkit.EdKey())
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, err := guard.Check(r); err == nil {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if passed.Load() != 1 {
		t.Errorf("one proof has passed %d times", passed.Load())
	}
}

// RFC 9449 section 11.1: a store that cannot tell refuses, and that is nobody's fault.
func TestAStoreThatCannotTell(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = kit.ReplayStoreFunc(func(context.Context, string, time.Time) (bool, error) { return true, kit.ErrStore })
	})
	got := kit.WantServed(t, v.Require(), kit.ProvenRequest(testkit.EdKey()), "503", middleware.ReasonReplaysUnavailable)
	if got.Header.Get("Retry-After") == "" || got.Header["Www-Authenticate"] != nil {
		t.Errorf("the answer has %v", got.Header)
	}
}

// What a store is told: digests of fixed length, which do not say whose proofs are of one client, and a time until which the proof could pass
// at any replica.
func TestWhatAStoreIsTold(t *testing.T) {
	var keys []string
	var untils []time.Time
	guard := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = kit.ReplayStoreFunc(func(_ context.Context, key string, until time.Time) (bool, error) {
			keys, untils = append(keys, key), append(untils, until)
			return true, nil
		})
	}).Require()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	for _, jti := range []string{"secret jti", strings.Repeat("x", 1024)} {
		kit.WantServed(t, guard, kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"jti": jti}}.String()), "200", "")
	}
	for i, key := range keys {
		if len(key) != 43 || strings.Contains(key, "secret") || strings.Contains(key, kit.Thumbprint(testkit.EdKey().Public())[:8]) {
			t.Errorf("key %q", key)
		}
		if untils[i].Before(testkit.Now.Add(time.Minute)) || untils[i].After(testkit.Now.Add(2*time.Minute)) {
			t.Errorf("until %v", untils[i])
		}
	}
	if len(keys) != 2 || keys[0] == keys[1] {
		t.Errorf("keys %q", keys)
	}
}

func TestASpentProofStaysSpentWhileTheClockIsSet(t *testing.T) {
	at := testkit.Now
	guard := kit.NewValidator(t, kit.SetClock(&at)).Require()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	r := kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String())
	kit.WantServed(t, guard, r, "200", "")
	at = testkit.Now.Add(5 * time.Minute)
	kit.WantServed(t, guard, r, kit.BadProof, middleware.ReasonProof)
	kit.WantServed(t, guard, kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"iat": at.Unix()}}.String()), "200", "")
	at = testkit.Now
	kit.WantServed(t, guard, r, kit.BadProof, middleware.ReasonProofReplay)
}

// Processes of two versions share a store while one replaces the other, so what they tell it must be the same, byte for byte.
func TestWhatAStoreIsToldStaysAsItIs(t *testing.T) {
	key := testkit.EdKeyOf(make([]byte, 32))
	var told []string
	guard := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = kit.ReplayStoreFunc(func(_ context.Context, key string, until time.Time) (bool, error) {
			told = append(told, key, until.Sub(testkit.Now).String())
			return true, nil
		})
	}).Require()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(key)))
	for _, jti := range []string{"abc", "\u00e9 "} {
		r := kit.DPoPRequest(token, testkit.Proof{Key: key, Token: token, Claims: kit.Claims{"jti": jti, "iat": testkit.Now.Unix() - 10}}.String())
		kit.WantServed(t, guard, r, "200", "")
	}
	want := []string{
		"eKdqWmrrk8kotCbbbMguAzWDJywFmjlnEjuu2oY2IPg", "1m20s",
		"G8lKX9thqcEIGzlYZVVAZTXZNEh8u4Fi3NRx6OC0HcI", "1m20s",
	}
	if !slices.Equal(told, want) {
		// Key: base64url of SHA-256 of the thumbprint, a dot and the jti.
		t.Errorf("the store is told %q, want %q", told, want)
	}
}
