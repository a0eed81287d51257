package middleware_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// actedBy is a token of user-1 that is used by these actors, the current one first.
func actedBy(actors ...claims) string {
	var act any
	for i := len(actors) - 1; i >= 0; i-- {
		outer := changed(claims{}, actors[i])
		if act != nil {
			outer["act"] = act
		}
		act = outer
	}
	return mint(good(claims{"act": act}))
}

// RFC 8693 section 4.1.
func TestDelegation(t *testing.T) {
	v := validator(t, nil)
	desk, robot := middleware.Actor{Subject: "desk"}, middleware.Actor{ClientID: "robot"}
	own, byDesk, byRobot := mint(good(nil)), actedBy(claims{"sub": "desk", "iss": issuer}), actedBy(claims{"client_id": "robot"})
	deskBefore := actedBy(claims{"sub": "evil"}, claims{"sub": "desk"})
	const refused = "403 insufficient_scope"
	for _, row := range []struct {
		name    string
		guard   *middleware.Guard
		token   string
		outcome string
	}{
		{"nothing is demanded, own", v.Require(), own, "200"},
		{"nothing is demanded, delegated", v.Require(), byDesk, "200"},
		{"undelegated, own", v.Require().Undelegated(), own, "200"},
		{"undelegated, delegated", v.Require().Undelegated(), byDesk, refused},
		{"delegated, own", v.Require().Delegated(), own, refused},
		{"delegated, by anyone", v.Require().Delegated(), byRobot, "200"},
		{"delegated to the desk, by the desk", v.Require().Delegated(desk), byDesk, "200"},
		{"delegated to the desk, by the robot", v.Require().Delegated(desk), byRobot, refused},
		{"delegated to the desk, own", v.Require().Delegated(desk), own, refused},
		{"delegated to either", v.Require().Delegated(desk, robot), byRobot, "200"},
		{"the desk only, own", v.Require().ActingOnly(desk), own, "200"},
		{"the desk only, by the desk", v.Require().ActingOnly(desk), byDesk, "200"},
		{"the desk only, by the robot", v.Require().ActingOnly(desk), byRobot, refused},
		{"an actor of another issuer", v.Require().ActingOnly(middleware.Actor{Issuer: "https://evil.ex", Subject: "desk"}), byDesk, refused},
		{"an earlier actor grants nothing", v.Require().ActingOnly(desk), deskBefore, refused},
		{"an earlier actor is no current one", v.Require().ActingOnly(middleware.Actor{Subject: "evil"}), deskBefore, "200"},
		{"calls narrow: the desk, of this issuer", v.Require().ActingOnly(desk).ActingOnly(middleware.Actor{Issuer: issuer}), byDesk, "200"},
		{"calls narrow the other way round", v.Require().ActingOnly(middleware.Actor{Issuer: issuer}).ActingOnly(desk), byDesk, "200"},
		{"calls narrow: the desk and the robot", v.Require().ActingOnly(desk).ActingOnly(robot), byDesk, refused},
		{"calls narrow: delegated and undelegated", v.Require().Delegated().Undelegated(), byDesk, refused},
		{"calls narrow: delegated and undelegated, own", v.Require().Delegated().Undelegated(), own, refused},
		{"may_act is no delegation", v.Require().Delegated(), mint(good(claims{"may_act": claims{"sub": "desk"}})), refused},
		{"exp in act means nothing", v.Require().Delegated(desk), actedBy(claims{"sub": "desk", "exp": 1, "nbf": 1e10, "aud": "other"}), "200"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				reason := middleware.Reason("")
				if row.outcome == refused {
					reason = middleware.ReasonActor
				}
				wantServed(t, row.guard, bearer(row.token), row.outcome, reason)
			}
		})
	}
}

func TestActorsThatAreNone(t *testing.T) {
	deep := make([]claims, 9)
	for i := range deep {
		deep[i] = claims{"sub": "a"}
	}
	for name, token := range map[string]string{
		"a string":                  mint(good(claims{"act": "desk"})),
		"a list":                    mint(good(claims{"act": []claims{{"sub": "desk"}}})),
		"null":                      mint(good(claims{"act": jwtNull{}})),
		"nobody":                    mint(good(claims{"act": claims{}})),
		"a sub that is no string":   actedBy(claims{"sub": 1}),
		"nine actors":               actedBy(deep...),
		"an earlier one is no name": mint(good(claims{"act": claims{"sub": "a", "act": "b"}})),
	} {
		t.Run(name, func(t *testing.T) {
			wantServed(t, validator(t, nil).Require(), bearer(token), badToken, middleware.ReasonMalformedClaim)
		})
	}
	wantServed(t, validator(t, nil).Require(), bearer(actedBy(deep[:8]...)), "200", "")
}

// A list that a deployment forgot to fill must not open the route.
func TestDelegationPanics(t *testing.T) {
	g := validator(t, nil).Require()
	for name, call := range map[string]func(){
		"ActingOnly of nobody":       func() { g.ActingOnly() },
		"ActingOnly of an empty one": func() { g.ActingOnly(middleware.Actor{Subject: "desk"}, middleware.Actor{}) },
		"Delegated to an empty one":  func() { g.Delegated(middleware.Actor{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			call()
		}()
	}
}
