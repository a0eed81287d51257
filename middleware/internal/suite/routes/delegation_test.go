package routes_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// actedBy is a token of user-1 that is used by these actors, the current one first.
func actedBy(actors ...kit.Claims) string {
	var act any
	for i := len(actors) - 1; i >= 0; i-- {
		outer := kit.Claims{}.With(actors[i])
		if act != nil {
			outer["act"] = act
		}
		act = outer
	}
	return kit.Mint(kit.GoodClaims(kit.Claims{"act": act}))
}

// RFC 8693 section 4.1.
func TestDelegation(t *testing.T) {
	v := kit.NewValidator(t, nil)
	desk, robot := middleware.Actor{Subject: "desk"}, middleware.Actor{ClientID: "robot"}
	own, byDesk, byRobot := kit.Mint(kit.GoodClaims(nil)), actedBy(kit.Claims{"sub": "desk", "iss": testkit.Issuer}), actedBy(kit.Claims{"client_id": "robot"})
	deskBefore := actedBy(kit.Claims{"sub": "evil"}, kit.Claims{"sub": "desk"})
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
		{"calls narrow: the desk, of this issuer", v.Require().ActingOnly(desk).ActingOnly(middleware.Actor{Issuer: testkit.Issuer}), byDesk, "200"},
		{"calls narrow the other way round", v.Require().ActingOnly(middleware.Actor{Issuer: testkit.Issuer}).ActingOnly(desk), byDesk, "200"},
		{"calls narrow: the desk and the robot", v.Require().ActingOnly(desk).ActingOnly(robot), byDesk, refused},
		{"calls narrow: delegated and undelegated", v.Require().Delegated().Undelegated(), byDesk, refused},
		{"calls narrow: delegated and undelegated, own", v.Require().Delegated().Undelegated(), own, refused},
		{"may_act is no delegation", v.Require().Delegated(), kit.Mint(kit.GoodClaims(kit.Claims{"may_act": kit.Claims{"sub": "desk"}})), refused},
		{"exp in act means nothing", v.Require().Delegated(desk), actedBy(kit.Claims{"sub": "desk", "exp": 1, "nbf": 1e10, "aud": "other"}), "200"},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				reason := middleware.Reason("")
				if row.outcome == refused {
					reason = middleware.ReasonActor
				}
				kit.WantServed(t, row.guard, kit.Bearer(row.token), row.outcome, reason)
			}
		})
	}
}

func TestActorsThatAreNone(t *testing.T) {
	deep := make([]kit.Claims, 9)
	for i := range deep {
		deep[i] = kit.Claims{"sub": "a"}
	}
	for name, token := range map[string]string{
		"a string":                  kit.Mint(kit.GoodClaims(kit.Claims{"act": "desk"})),
		"a list":                    kit.Mint(kit.GoodClaims(kit.Claims{"act": []kit.Claims{{"sub": "desk"}}})),
		"null":                      kit.Mint(kit.GoodClaims(kit.Claims{"act": kit.JSONNull{}})),
		"nobody":                    kit.Mint(kit.GoodClaims(kit.Claims{"act": kit.Claims{}})),
		"a sub that is no string":   actedBy(kit.Claims{"sub": 1}),
		"iss in another case":       actedBy(kit.Claims{"sub": "desk", "Iss": testkit.Issuer}),
		"client_id in another case": actedBy(kit.Claims{"sub": "desk", "client_ID": "robot"}),
		"nine actors":               actedBy(deep...),
		"an earlier one is no name": kit.Mint(kit.GoodClaims(kit.Claims{"act": kit.Claims{"sub": "a", "act": "b"}})),
	} {
		t.Run(name, func(t *testing.T) {
			kit.WantServed(t, kit.NewValidator(t, nil).Require(), kit.Bearer(token), kit.BadToken, middleware.ReasonMalformedClaim)
		})
	}
	kit.WantServed(t, kit.NewValidator(t, nil).Require(), kit.Bearer(actedBy(deep[:8]...)), "200", "")
}

// A list that a deployment forgot to fill must not open the route.
func TestDelegationPanics(t *testing.T) {
	g := kit.NewValidator(t, nil).Require()
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

func TestPatternOfAnActorFitsWhateverItLeavesOut(t *testing.T) {
	v := kit.NewValidator(t, nil)
	everything := actedBy(kit.Claims{"iss": testkit.Issuer, "sub": "desk", "client_id": "robot"})
	for name, pattern := range map[string]middleware.Actor{
		"the issuer": {Issuer: testkit.Issuer}, "the subject": {Subject: "desk"}, "the client": {ClientID: "robot"}, "all": {
			Issuer: testkit.Issuer, Subject: "desk", ClientID: "robot",
		},
	} {
		if got := kit.Serve(v.Require().ActingOnly(pattern), kit.Bearer(everything)).String(); got != "200" {
			t.Errorf("%s alone is named: %s", name, got)
		}
	}
	for name, pattern := range map[string]middleware.Actor{
		"the issuer": {Issuer: "x", Subject: "desk", ClientID: "robot"}, "the subject": {
			Issuer: testkit.Issuer, Subject: "x", ClientID: "robot",
		}, "the client": {Issuer: testkit.Issuer, Subject: "desk", ClientID: "x"},
	} {
		if got := kit.Serve(v.Require().ActingOnly(pattern), kit.Bearer(everything)).String(); got != "403 insufficient_scope" {
			t.Errorf("%s is another: %s", name, got)
		}
	}
}
