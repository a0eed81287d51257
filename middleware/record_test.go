package middleware_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/record"
)

// An explanation is a recording of the one decision. A Recorder that changed it would explain another.
func TestRecordedDecisionsRefuseAlike(t *testing.T) {
	for _, row := range refusals() {
		if row.reason == middleware.ReasonInternal {
			continue // a Guard without a Validator decides nothing
		}
		t.Run(string(row.reason), func(t *testing.T) {
			change := func(cfg *middleware.Config) {
				if row.change != nil {
					row.change(cfg)
				}
				cfg.TokenCache.Entries = -1
			}
			_, plain := row.guard(validator(t, change)).Check(bearer(row.token))
			entries, recorded := middleware.CheckRecorded(row.guard(validator(t, change)), bearer(row.token))
			if reasonIn(plain) != row.reason || reasonIn(recorded) != row.reason || plain.Error() != recorded.Error() {
				t.Errorf("recorded: %v; not recorded: %v", recorded, plain)
			}
			if row.reason == middleware.ReasonClosed {
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

func reasonIn(err error) middleware.Reason {
	var refusal *middleware.Error
	if !errors.As(err, &refusal) {
		return ""
	}
	return refusal.Reason
}

// A token with several faults is recorded with all of them; nothing that comes after the signature is called verified without it.
func TestRecordedDecisionGoesOn(t *testing.T) {
	asked := 0
	guard := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Accept = func(*middleware.Token) error { asked++; return nil }
	}).Require("admin")
	several := sign(edHeader, string(toJSON(good(claims{"aud": "other", "cnf": claims{"x": 1}, "act": "text"}))), strangeKey())
	entries, err := middleware.CheckRecorded(guard, bearer(several))
	if reasonIn(err) != middleware.ReasonSignature {
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
	if want := []record.Step{record.Signature, record.Audience, record.Confirmation, record.Actor}; !slices.Equal(failed, want) {
		t.Errorf("failed are %v, want %v", failed, want)
	}
	if asked > 0 {
		t.Error("unverified claims were handed to Accept")
	}
	if !slices.IsSortedFunc(entries, func(a, b record.Entry) int { return int(a.Step - b.Step) }) {
		t.Errorf("the steps are not in the order of the decision: %+v", entries)
	}
}

func TestRecordedAdmission(t *testing.T) {
	entries, err := middleware.CheckRecorded(validator(t, nil).Require("read"), bearer(mint(good(nil))))
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

// Without a Recorder nothing is noted, and nothing is paid for it.
func TestNilRecorderNotesNothing(t *testing.T) {
	var none *record.Recorder
	if got := testing.AllocsPerRun(100, func() {
		none.Pass(record.Form)
		none.Fail(record.Form, errors.ErrUnsupported)
		none.Vouch()
	}); got != 0 || none.On() || none.Entries() != nil {
		t.Errorf("%v allocations, on %t, entries %v", got, none.On(), none.Entries())
	}
}
