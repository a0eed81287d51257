package logout_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// notLookedFor is what a jwks.Cache says of a key while Cooldown allows no fetch.
type notLookedFor struct{}

func (notLookedFor) Error() string  { return "no such key, as far as is known" }
func (notLookedFor) Unwrap() error  { return jwks.ErrKeyNotFound }
func (notLookedFor) Unsought() bool { return true }

// What a key has signed that may have been published since the last fetch is sent again, and not refused.
func TestALogoutTokenWhoseKeyIsNotLookedForNowIsSentAgain(t *testing.T) {
	var err error = notLookedFor{}
	a := newAPI(t, source(func(context.Context, string, string) ([]*jwks.Key, error) { return nil, err }), revocation.Config{}, nil)
	w := a.send(signed(nil))
	a.wantError("not looked for", w, http.StatusServiceUnavailable,
		`{"error":"temporarily_unavailable","error_description":"The issuer's keys cannot be had; send it again."}`)
	if w.Header().Get("Retry-After") == "" || a.receiver.Status().Refused != 0 {
		t.Errorf("%v, %+v", w.Header(), a.receiver.Status())
	}
	if log := a.log.String(); !strings.Contains(log, "could not be verified") || !strings.Contains(log, "verified=false") || strings.Contains(log, "not entered") {
		t.Errorf("nobody knows whether it is a logout, and the log says %s", log)
	}
	err = jwks.ErrKeyNotFound
	a.wantError("looked for", a.send(signed(nil)), http.StatusBadRequest, invalid("The signature is none of the issuer's."))
}
