package middleware_test

import (
	"crypto/ed25519"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/record"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// An explanation is a recording of the one decision. A Recorder that changed it would explain another.
func TestRecordedDecisionsRefuseAlike(t *testing.T) {
	for _, row := range kit.Refusals() {
		if row.Reason == middleware.ReasonInternal {
			continue // a Guard without a Validator decides nothing
		}
		t.Run(string(row.Reason), func(t *testing.T) {
			change := func(cfg *middleware.Config) {
				if row.Change != nil {
					row.Change(cfg)
				}
				cfg.TokenCache.Entries = -1
			}
			_, plain := row.Guard(kit.NewValidator(t, change)).Check(kit.Bearer(row.Token))
			entries, recorded := middleware.CheckRecorded(row.Guard(kit.NewValidator(t, change)), kit.Bearer(row.Token))
			if kit.ReasonIn(plain) != row.Reason || kit.ReasonIn(recorded) != row.Reason || plain.Error() != recorded.Error() {
				t.Errorf("recorded: %v; not recorded: %v", recorded, plain)
			}
			if row.Reason == middleware.ReasonClosed {
				return // nothing was judged
			}
			var refusal *middleware.Error
			errors.As(recorded, &refusal)
			first := slices.IndexFunc(entries, func(e record.Entry) bool { return e.Result == record.Failed })
			if first < 0 || !errors.Is(entries[first].Cause, refusal.Err) {
				t.Errorf("the first failure of %+v is not %v", entries, refusal.Err)
			}
		})
	}
}

// A token with several faults is recorded with all of them; nothing that comes after the signature is called verified without it.
func TestRecordedDecisionGoesOn(t *testing.T) {
	asked := 0
	guard := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Accept = func(*middleware.Token) error { asked++; return nil }
	}).Require("admin")
	several := testkit.Sign(
		kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"aud": "other", "cnf": kit.Claims{"x": 1}, "act": "text"}))),
		testkit.StrangeKey(),
	)
	entries, err := middleware.CheckRecorded(guard, kit.Bearer(several))
	if kit.ReasonIn(err) != middleware.ReasonSignature {
		t.Fatalf("refused for %v", err)
	}
	var failed []record.Step
	for _, e := range entries {
		if e.Result == record.Failed {
			failed = append(failed, e.Step)
		}
		if e.Verified {
			t.Errorf("step %d is called verified", e.Step)
		}
	}
	if want := []record.Step{record.Signature, record.Audience, record.Confirmation, record.Actor, record.Scope}; !slices.Equal(failed, want) {
		t.Errorf("failed are %v, want %v", failed, want)
	}
	if asked > 0 {
		t.Error("unverified claims were handed to Accept")
	}
	if !slices.IsSortedFunc(entries, func(a, b record.Entry) int { return int(a.Step - b.Step) }) {
		t.Errorf("the steps are not in the order of the decision: %+v", entries)
	}
}

// What a route would want as well is recorded, and does not take the place of the refusal.
func TestRecordedRequirementDoesNotRefuse(t *testing.T) {
	bound := kit.Bearer(kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.StrangeKey()))))
	revoked := kit.SetRevocations(kit.Verdicts(func(middleware.TokenFacts) middleware.Verdict { return middleware.Verdict{Kind: "token"} }))
	for name, row := range map[string]struct {
		guard *middleware.Guard
		want  middleware.Reason
	}{
		"a bound token as Bearer": {kit.DPoPValidator(t, nil).Require("missing"), middleware.ReasonConfirmation},
		"a revoked token":         {kit.NewValidator(t, revoked).Require("missing"), middleware.ReasonRevoked},
	} {
		entries, err := middleware.CheckRecorded(row.guard, bound)
		if kit.ReasonIn(err) != row.want {
			t.Errorf("%s: refused for %v, want %s", name, err, row.want)
		}
		if !slices.ContainsFunc(entries, func(e record.Entry) bool { return e.Step == record.Scope && e.Result == record.Failed }) {
			t.Errorf("%s: the missing scope is not recorded: %+v", name, entries)
		}
	}
}

func TestRecordedAdmission(t *testing.T) {
	entries, err := middleware.CheckRecorded(kit.NewValidator(t, nil).Require("read"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Result != record.Passed || e.Verified != (e.Step >= record.Signature) && e.Step != record.Signature {
			t.Errorf("%+v", e)
		}
	}
	for _, step := range []record.Step{record.Credential, record.Form, record.Header, record.Claims, record.Issuer, record.Type, record.Algorithm,
		record.Key, record.Signature, record.Content, record.Audience, record.Time, record.Binding, record.Scope, record.Rule} {
		if !slices.ContainsFunc(entries, func(e record.Entry) bool { return e.Step == step }) {
			t.Errorf("step %d is not recorded", step)
		}
	}
}

// A client makes keys, and gets tokens for them, as it likes. Who it is does not change with the key.
func TestKeysDoNotMakeAPartyLarger(t *testing.T) {
	const capacity = 40
	for _, row := range []struct {
		name         string
		heavy, other kit.Claims
		want         int // of 20 proofs under 20 keys
	}{
		{"one subject", kit.Claims{"sub": "mallory"}, kit.Claims{"sub": "alice"}, capacity / 4},
		{"one subject without a client", kit.Claims{"sub": "mallory", "client_id": nil}, kit.Claims{"sub": "alice"}, capacity / 4},
		{"one client without a subject", kit.Claims{"sub": nil, "client_id": "mallory"}, kit.Claims{"sub": nil, "client_id": "alice"}, capacity / 4},
		{"a client named like a subject", kit.Claims{"sub": nil, "client_id": "same"}, kit.Claims{"sub": "same"}, capacity / 4},
		{"neither subject nor client, so that the key must do", kit.Claims{"sub": nil, "client_id": nil}, kit.Claims{"sub": "alice"}, 20},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.DPoPValidator(t, nil)
			middleware.LimitProofs(v, testkit.Audience, capacity)
			guard := v.Require()
			send := func(key ed25519.PrivateKey, who kit.Claims) string {
				bound := kit.BoundTo(key)
				maps.Copy(bound, who)
				token := kit.Mint(kit.GoodClaims(bound))
				return kit.OutcomeOf(guard, kit.DPoPRequest(token, testkit.Proof{Key: key, Token: token}.String()))
			}
			served := 0
			for i := range 20 {
				switch got := send(testkit.EdKeyOf(append(make([]byte, 31), byte(i))), row.heavy); got {
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
			if got := send(testkit.StrangeKey(), row.other); got != "200" {
				t.Errorf("somebody else gets %q", got)
			}
		})
	}
}

// What is recorded of a refused token is unverified, or refused; no function of a ClaimMapping sees it.
func TestRecordedRefusalsComputeNothing(t *testing.T) {
	calls := 0
	guard := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims.RolesFunc = func(*middleware.Token) ([]string, error) { calls++; return nil, nil }
	}).Require()
	for _, token := range []string{
		testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()),
		kit.Mint(kit.GoodClaims(kit.Claims{"aud": "other"})),
	} {
		if _, err := middleware.CheckRecorded(guard, kit.Bearer(token)); err == nil || calls != 0 {
			t.Errorf("%v, computed %d times", err, calls)
		}
	}
	if _, err := middleware.CheckRecorded(guard, kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); err != nil || calls != 1 {
		t.Errorf("a good token: %v, computed %d times", err, calls)
	}
}

// A Guard that nobody made has no Logger, and its requests must not fail in silence. A flood of them writes one line.
func TestAGuardWithoutAValidatorSpeaks(t *testing.T) {
	var b kit.Log
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	middleware.ForgetUnusable()

	var auth *middleware.Validator
	for _, guard := range []*middleware.Guard{nil, {}, auth.Require()} {
		for range 3 {
			if got := kit.Serve(guard, kit.Bearer("x")); got.StatusCode != http.StatusInternalServerError {
				t.Errorf("got %v, want 500", got)
			}
		}
	}
	if text := b.String(); strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "shadowed") {
		t.Errorf("want one line with the remedy: %s", text)
	}
}
