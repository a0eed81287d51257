package middleware_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// The common members of a detail count as well: one that does not fit the type leaves a detail half read.
func TestDetailWhoseLocationsDoNotFit(t *testing.T) {
	type narrow struct {
		Type      string `json:"type"`
		Locations string `json:"locations"`
		Amount    int    `json:"amount"`
	}
	v := validator(t, nil)
	token := wantAdmitted(t, v, mintText(withText(good(nil), "authorization_details",
		`[{"type":"payment","locations":["https://api.example.com"],"amount":5}]`)))
	if details, err := middleware.Details[narrow](token, "payment"); err == nil || details != nil {
		t.Errorf("decoded as %v, error %v", details, err)
	}
	type wide struct {
		Locations []string `json:"locations"`
		Amount    int      `json:"amount"`
	}
	if details, err := middleware.Details[wide](token, "payment"); err != nil || len(details) != 1 || details[0].Amount != 5 || len(details[0].Locations) != 1 {
		t.Errorf("decoded as %v, error %v", details, err)
	}
}
