package cause

import (
	"encoding/json"
	"maps"
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
	Text   string   // all claims of the token, which has been verified
}

// Scope is that a token lacks a scope.
func Scope(check error, grant func() Grant) error {
	return New(check, func() Sides {
		g := grant()
		s := Sides{Expected: "scope " + g.needs(), Got: g.got("scope")}
		switch {
		case len(g.Had) == 0 && g.From == "":
			if other := likely(g.Text, g.Mapped, "scope", "scp", "permission"); len(other) > 0 {
				s.Hint = "the token has " + List(other) + ", which is not read: set Issuer.Claims.Scopes to it"
			} else {
				s.Hint = "the client has to ask for the scope when it fetches the token, and the server has to grant it"
			}
		case slices.ContainsFunc(g.Had, func(had string) bool { return strings.ContainsAny(had, ",;") }):
			s.Hint = "scopes are separated by spaces (RFC 6749 section 3.3), not by commas"
		default:
			s.Hint = g.near()
		}
		return s
	})
}

// Role is that a token lacks a role.
func Role(check error, grant func() Grant) error {
	return New(check, func() Sides {
		g := grant()
		s := Sides{Expected: "role " + g.needs(), Got: g.got("role")}
		other := likely(g.Text, g.Mapped, "role", "group", "permission")
		switch {
		case len(g.Mapped) == 0:
			s.Got = "no roles: the issuer maps none"
			s.Hint = "set Issuer.Claims.Roles to the claim that holds them"
		case g.From == "" && slices.ContainsFunc(g.Mapped, isDotted):
			dotted := g.Mapped[slices.IndexFunc(g.Mapped, isDotted)]
			s.Hint = "there is no claim of the name " + Text(dotted) + ": a nested claim is written as " + Text("/"+strings.ReplaceAll(dotted, ".", "/"))
			return s
		case g.From == "":
			s.Hint = "the token has no such claim"
		default:
			s.Hint = g.near()
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

// likely finds claims of a verified token whose names speak of one of words, as entries of a ClaimMapping, beside those that are mapped.
func likely(text string, mapped []string, words ...string) []string {
	var all map[string]any
	if json.Unmarshal([]byte(text), &all) != nil {
		return nil
	}
	var found []string
	var walk func(path string, members map[string]any, depth int)
	walk = func(path string, members map[string]any, depth int) {
		for _, name := range slices.Sorted(maps.Keys(members)) {
			entry := path + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
			speaks := slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(name), word) })
			switch value := members[name].(type) {
			case map[string]any:
				if depth < 3 {
					walk(entry, value, depth+1)
				}
			case string, []any:
				if speaks {
					found = append(found, asEntry(entry, name, depth))
				}
			}
		}
	}
	walk("", all, 0)
	return slices.DeleteFunc(found, func(entry string) bool { return slices.Contains(mapped, entry) })
}

// asEntry writes a claim at the top by its name, unless that begins like a pointer.
func asEntry(pointer, name string, depth int) string {
	if depth == 0 && !strings.HasPrefix(name, "/") {
		return name
	}
	return pointer
}

// ACR is that acr is none of those wanted.
func ACR(check error, wanted [][]string, acr string) error {
	return New(check, func() Sides {
		return Sides{Expected: "acr " + Grant{Needs: wanted}.needs(), Got: claim("acr", acr), Hint: "the client has to send the user back to the server with acr_values (RFC 9470)"}
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
