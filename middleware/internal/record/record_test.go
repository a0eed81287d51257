package record_test

import (
	"errors"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/record"
)

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
