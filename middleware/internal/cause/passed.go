package cause

import (
	"strings"
	"time"
)

// What a step that passed was about, for an explanation. Each is a value of the token, or a list of them.

// Claim is a claim that is a name.
func Claim(of, value string) string { return claim(of, value) }

// Claims are the values of a claim that is a list; "no aud" if there are none.
func Claims(of string, values []string) string {
	if len(values) == 0 {
		return "no " + of
	}
	return of + " " + List(values)
}

// Needs are groups of which a token must have one each; empty if there are none.
func Needs(of string, groups [][]string) string {
	if len(groups) == 0 {
		return ""
	}
	return of + " " + Grant{Needs: groups}.needs()
}

// Accepted are algorithms.
func Accepted(accepted []string) string { return "alg " + strings.Join(accepted, " ") }

// Dates are exp, nbf and iat, each relative to now.
func Dates(expiry, notBefore, issued, now time.Time) string {
	var parts []string
	for _, d := range []struct {
		name string
		at   time.Time
	}{{"exp", expiry}, {"nbf", notBefore}, {"iat", issued}} {
		switch {
		case d.at.IsZero():
		case d.at.After(now):
			parts = append(parts, d.name+" "+span(d.at.Sub(now))+" ahead")
		default:
			parts = append(parts, d.name+" "+span(now.Sub(d.at))+" ago")
		}
	}
	if len(parts) == 0 {
		return "no dates"
	}
	return strings.Join(parts, ", ")
}
