package middleware_test

import (
	"context"
	"crypto/ed25519"
	"maps"
	"slices"
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

func TestASpentProofStaysSpentWhileTheClockIsSet(t *testing.T) {
	at := now
	guard := validator(t, clockAt(&at)).Require()
	token := mint(good(boundTo(edKey())))
	r := dpopRequest(token, proof{key: edKey(), token: token}.String())
	wantServed(t, guard, r, "200", "")
	at = now.Add(5 * time.Minute)
	wantServed(t, guard, r, badProof, middleware.ReasonProof)
	wantServed(t, guard, dpopRequest(token, proof{key: edKey(), token: token, claims: claims{"iat": at.Unix()}}.String()), "200", "")
	at = now
	wantServed(t, guard, r, badProof, middleware.ReasonProofReplay)
}

// A client makes keys, and gets tokens for them, as it likes. Who it is does not change with the key.
func TestKeysDoNotMakeAPartyLarger(t *testing.T) {
	const capacity = 40
	for _, row := range []struct {
		name         string
		heavy, other claims
		want         int // of 20 proofs under 20 keys
	}{
		{"one subject", claims{"sub": "mallory"}, claims{"sub": "alice"}, capacity / 4},
		{"one subject without a client", claims{"sub": "mallory", "client_id": nil}, claims{"sub": "alice"}, capacity / 4},
		{"one client without a subject", claims{"sub": nil, "client_id": "mallory"}, claims{"sub": nil, "client_id": "alice"}, capacity / 4},
		{"a client named like a subject", claims{"sub": nil, "client_id": "same"}, claims{"sub": "same"}, capacity / 4},
		{"neither subject nor client, so that the key must do", claims{"sub": nil, "client_id": nil}, claims{"sub": "alice"}, 20},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := withDPoP(t, nil)
			middleware.LimitProofs(v, audience, capacity)
			guard := v.Require()
			send := func(key ed25519.PrivateKey, who claims) string {
				bound := boundTo(key)
				maps.Copy(bound, who)
				token := mint(good(bound))
				return outcomeOf(guard, dpopRequest(token, proof{key: key, token: token}.String()))
			}
			served := 0
			for i := range 20 {
				switch got := send(edKeyOf(append(make([]byte, 31), byte(i))), row.heavy); got {
				case "200":
					served++
				case "503":
				default:
					t.Fatalf("outcome is %q, want 200 or 503", got)
				}
			}
			if served != row.want {
				t.Errorf("%d proofs were taken, want %d", served, row.want)
			}
			if got := send(strangeKey(), row.other); got != "200" {
				t.Errorf("somebody else gets %q", got)
			}
		})
	}
}

// Processes of two versions share a store while one replaces the other, so what they tell it must be the same, byte for byte.
func TestWhatAStoreIsToldStaysAsItIs(t *testing.T) {
	key := edKeyOf(make([]byte, 32))
	var told []string
	guard := withDPoP(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = replayFunc(func(_ context.Context, key string, until time.Time) (bool, error) {
			told = append(told, key, until.Sub(now).String())
			return true, nil
		})
	}).Require()
	token := mint(good(boundTo(key)))
	for _, jti := range []string{"abc", "\u00e9 "} {
		r := dpopRequest(token, proof{key: key, token: token, claims: claims{"jti": jti, "iat": now.Unix() - 10}}.String())
		wantServed(t, guard, r, "200", "")
	}
	want := []string{
		"9ZP03Nu8GrXPAUkbKNxHOKBzxPX83SShgFkRNK-f2lw.ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0", "1m20s",
		"9ZP03Nu8GrXPAUkbKNxHOKBzxPX83SShgFkRNK-f2lw.eo0GfTnfJirpY5OaLmd3t6rc3NEgL8aNya1CbTbYmic", "1m20s",
	}
	if !slices.Equal(told, want) {
		t.Errorf("the store is told %q, want %q", told, want)
	}
}
