package cause

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Grant is what a route needs of a list that a token has, and where the list came from.
type Grant struct {
	Needs  [][]string // of each group one
	Had    []string
	From   string   // the mapped claim that was present; empty: none was
	Mapped []string // the claims that are looked at, in order
	By     string   // the function of the configuration that computed Had; empty: it was read from Mapped
	Text   string   // all claims of the token, which has been verified
}

// Scope is that a token lacks a scope.
func Scope(check error, grant func() Grant) error {
	return New(check, func() Sides {
		g := grant()
		s := Sides{Expected: "scope " + g.needs(), Got: g.got("scope")}
		holding, other := g.unread(asScopes, "scope", "scp", "permission")
		switch {
		case len(holding) > 0:
			s.Hint = mapped("Scopes", holding)
		case len(g.Had) == 0 && len(other) > 0 && g.From == "":
			s.Hint = "set Issuer.Claims.Scopes to " + oneOf(other) + ", which is not read"
		case slices.ContainsFunc(g.Had, func(had string) bool { return strings.ContainsAny(had, ",;") }):
			s.Hint = "scopes are separated by spaces (RFC 6749 section 3.3), not by commas"
		default:
			s.Hint = g.near()
		}
		if s.Hint == "" && g.By == "" {
			s.Hint = "the client has to ask for the scope when it fetches the token, and the server has to grant it"
		}
		return s
	})
}

// Role is that a token lacks a role.
func Role(check error, grant func() Grant) error {
	return New(check, func() Sides {
		g := grant()
		s := Sides{Expected: "role " + g.needs(), Got: g.got("role")}
		holding, other := g.unread(asRoles, "role", "group", "permission")
		switch {
		case g.By != "":
			s.Hint = g.near()
			return s
		case len(holding) > 0:
			s.Hint = mapped("Roles", holding)
			return s
		case len(g.Mapped) == 0:
			s.Hint = "set Issuer.Claims.Roles to the claim that holds them"
		case g.From == "" && slices.ContainsFunc(g.Mapped, isDotted):
			dotted := g.Mapped[slices.IndexFunc(g.Mapped, isDotted)]
			s.Hint = "there is no claim of the name " + Text(dotted) + ": a nested claim is written as " + Text("/"+strings.ReplaceAll(dotted, ".", "/"))
			return s
		case g.From == "":
			s.Hint = "the token has no such claim"
		default:
			s.Hint = cmp.Or(g.near(), "the server has to grant it, and to write it into this claim")
			return s
		}
		if len(other) > 0 {
			s.Hint += "; in this token it could be " + List(other)
		}
		return s
	})
}

// isDotted reports whether an entry is perhaps a path in the style of others. Names of claims may hold dots, as URLs do.
func isDotted(entry string) bool {
	return strings.Contains(entry, ".") && !strings.HasPrefix(entry, "/") && !strings.Contains(entry, "://")
}

func (g Grant) needs() string {
	var groups []string
	for _, group := range g.Needs {
		groups = append(groups, oneOf(group))
	}
	return strings.Join(groups[:min(len(groups), maxList)], " and ")
}

func (g Grant) got(what string) string {
	switch {
	case g.By != "" && len(g.Had) == 0:
		return "no " + what + "s by " + g.By
	case g.By != "":
		return what + "s " + List(g.Had) + " by " + g.By
	case len(g.Mapped) == 0:
		return "no " + what + "s: the issuer maps none"
	case g.From == "":
		return "no " + what + "s: none of the claims " + List(g.Mapped) + " is there"
	case len(g.Had) == 0:
		return "no " + what + "s in claim " + Text(g.From)
	default:
		return what + "s " + List(g.Had) + " in claim " + Text(g.From)
	}
}

// near looks for a value that differs from one that is needed by what people overlook.
func (g Grant) near() string {
	for _, group := range g.Needs {
		for _, had := range g.Had {
			if slices.Contains(group, had) {
				break
			}
			if near, difference := nearest(had, group); difference != "" {
				return Text(had) + " is not " + Text(near) + ": " + difference
			}
		}
	}
	return ""
}

// ACR is that acr is none of those wanted.
func ACR(check error, wanted [][]string, acr string) error {
	return New(check, func() Sides {
		return Sides{
			Expected: "acr " + Grant{Needs: wanted}.needs(), Got: claim("acr", acr),
			Hint: "the client has to send the user back to the server with acr_values (RFC 9470)",
		}
	})
}

// Authenticated is that the user's last authentication is too long ago, or not known.
func Authenticated(check error, at, now time.Time, most, leeway time.Duration) error {
	return New(check, func() Sides {
		s := Sides{
			Expected: "auth_time at most " + span(most) + " ago, with a leeway of " + span(leeway),
			Got:      "no auth_time",
			Hint:     "the client has to send the user back to the server with max_age (RFC 9470)",
		}
		switch {
		case at.IsZero():
			s.Hint = "the server has to write auth_time into its tokens"
		case at.After(now):
			s.Got = "auth_time " + span(at.Sub(now)) + " ahead"
			s.Hint = ClockHint
		default:
			s.Got = "auth_time " + span(now.Sub(at)) + " ago"
		}
		return s
	})
}

// Actor is that the token's actor is not one that the route allows.
func Actor(check error, expected, issuer, subject, client string) error {
	return New(check, func() Sides {
		s := Sides{Expected: expected, Got: "no actor (act)"}
		if issuer+subject+client != "" {
			s.Got = "an actor (act) of " + claim("client_id", client) // its subject may be a person
		}
		return s
	})
}
