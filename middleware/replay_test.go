package middleware_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

func TestAProofIsGoodOnce(t *testing.T) {
	guard := withDPoP(t, nil).Require()
	r := proven(edKey())
	wantServed(t, guard, r, "200", "")
	for range 3 {
		wantServed(t, guard, r, badProof, middleware.ReasonProofReplay)
	}
}

// The signature of ECDSA is malleable, and a header may be written anew: what is remembered is the jti.
func TestAReplayInAnotherDress(t *testing.T) {
	guard := withDPoP(t, nil).Require()
	token := mint(good(boundTo(p256Key())))
	for i, p := range []proof{
		{header: nil}, {header: claims{"x": 1}}, {claims: claims{"iat": now.Unix() - 30}}, {claims: claims{"iat": now.Unix() + 30}},
	} {
		p.key, p.token = p256Key(), token
		p.claims = changed(claims{"jti": "once"}, p.claims)
		outcome := badProof
		if i == 0 {
			outcome = "200"
		}
		wantServed(t, guard, dpopRequest(token, p.String()), outcome, "")
	}
}

// A jti is its client's own: nobody can spend another's.
func TestTwoClientsMayUseOneJTI(t *testing.T) {
	guard := withDPoP(t, nil).Require()
	for _, key := range []ed25519.PrivateKey{edKey(), strangeKey()} {
		token := mint(good(boundTo(key)))
		wantServed(t, guard, dpopRequest(token, proof{key: key, token: token, claims: claims{"jti": "same"}}.String()), "200", "")
	}
}

// A proof is remembered for as long as it could pass, also one from a clock that runs ahead.
func TestAProofIsRememberedUntilItExpires(t *testing.T) {
	for _, ahead := range []time.Duration{-time.Minute, 0, time.Minute} {
		at := now
		guard := validator(t, clockAt(&at)).Require()
		token := mint(good(boundTo(edKey())))
		r := dpopRequest(token, proof{key: edKey(), token: token, claims: claims{"iat": now.Add(ahead).Unix()}}.String())
		wantServed(t, guard, r, "200", "")
		for ; !at.After(now.Add(ahead + time.Minute)); at = at.Add(time.Second) {
			wantServed(t, guard, r, badProof, middleware.ReasonProofReplay)
		}
		wantServed(t, guard, r, badProof, middleware.ReasonProof) // expired
	}
}

func TestManyAtOnceSpendAProofOnce(t *testing.T) {
	guard := withDPoP(t, nil).Require()
	r := proven(edKey())
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
	v := withDPoP(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = replayFunc(func(context.Context, string, time.Time) (bool, error) { return true, errStore })
	})
	got := wantServed(t, v.Require(), proven(edKey()), "503", middleware.ReasonReplaysUnavailable)
	if got.Header.Get("Retry-After") == "" || got.Header["Www-Authenticate"] != nil {
		t.Errorf("the answer has %v", got.Header)
	}
}

// What a store is told: digests of fixed length, and a time until which the proof could pass at any replica.
func TestWhatAStoreIsTold(t *testing.T) {
	var keys []string
	var untils []time.Time
	guard := withDPoP(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = replayFunc(func(_ context.Context, key string, until time.Time) (bool, error) {
			keys, untils = append(keys, key), append(untils, until)
			return true, nil
		})
	}).Require()
	token := mint(good(boundTo(edKey())))
	for _, jti := range []string{"secret jti", strings.Repeat("x", 1024)} {
		wantServed(t, guard, dpopRequest(token, proof{key: edKey(), token: token, claims: claims{"jti": jti}}.String()), "200", "")
	}
	for i, key := range keys {
		if len(key) != 87 || !strings.HasPrefix(key, jktOf(edKey().Public())+".") || strings.Contains(key, "secret") {
			t.Errorf("key %q", key)
		}
		if untils[i].Before(now.Add(time.Minute)) || untils[i].After(now.Add(2*time.Minute)) {
			t.Errorf("until %v", untils[i])
		}
	}
	if len(keys) != 2 || keys[0] == keys[1] {
		t.Errorf("keys %q", keys)
	}
}

func TestTheStoreOfThisProcess(t *testing.T) {
	at := now
	store := middleware.NewReplays(func() time.Time { return at })
	add := func(client, jti int) string {
		fresh, err := store.Add(t.Context(), fmt.Sprintf("%043d.%d", client, jti), at.Add(time.Minute))
		return fmt.Sprint(fresh, err != nil)
	}
	for i := range middleware.MaxProofsPerClient {
		if got := add(1, i); got != "true false" {
			t.Fatalf("proof %d of a client: %s", i, got)
		}
	}
	if got := add(1, -1); got != "false true" {
		t.Errorf("one client has filled its share, and the next is %s", got)
	}
	if got := add(1, 0); got != "false false" {
		t.Errorf("a replay to a full store is %s", got)
	}
	if got := add(2, 0); got != "true false" {
		t.Errorf("one client has filled the store for another: %s", got)
	}
	for i := range middleware.MaxProofs - middleware.MaxProofsPerClient - 1 {
		add(3+i%1000, i)
	}
	if got := add(2, 1); got != "false true" {
		t.Errorf("a full store admits: %s", got)
	}
	at = at.Add(76 * time.Second) // a minute and a slot later all is forgotten
	if got := add(1, 0); got != "true false" {
		t.Errorf("what has expired is still remembered: %s", got)
	}
	if left := middleware.Remembered(store); left != 1 {
		t.Errorf("%d proofs are remembered, want 1", left)
	}
}
