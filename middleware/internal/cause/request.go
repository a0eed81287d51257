package cause

import (
	"fmt"
	"strings"
)

// Long is that a token is longer than is looked at.
func Long(check error, length, most int) error {
	return New(check, func() Sides {
		return Sides{
			Expected: fmt.Sprintf("at most %d bytes", most),
			Got:      fmt.Sprintf("%d bytes", length),
			Hint:     "many groups or roles make long tokens: let the server leave some out, or raise Config.MaxTokenBytes",
		}
	})
}

// Places is that several places of a request hold tokens.
func Places(check error, places []string) error {
	return New(check, func() Sides {
		return Sides{
			Expected: "one token in one place",
			Got:      "a token in " + strings.Join(places, " and "),
			Hint:     "if a gateway puts a credential of its own into Authorization, set Config.IgnoreAuthorization",
		}
	})
}

// Origin is that a cookie came with a request that a page of another origin has caused.
func Origin(check error, origins, sites, own []string) error {
	return New(check, func() Sides {
		s := Sides{
			Expected: "a page of " + List(own), Got: "no Origin",
			Hint: "if this page belongs to the API, name its address in Config.PublicURL or PublicURLs; anything else is forgery",
		}
		if len(origins) > 0 {
			s.Got = "Origin " + List(origins)
		}
		if len(sites) > 0 {
			s.Got += ", Sec-Fetch-Site " + List(sites)
		}
		if len(origins) == 1 {
			if _, difference := nearest(origins[0], own); difference != "" {
				s.Hint = difference + ": list every address of this API in Config.PublicURL and PublicURLs"
			}
		}
		return s
	})
}

// Path is the path of a request-target, for people. What looks like a token in it is left out, and so is the token of the request, wherever
// else its client has written it: holds reports whether text has it.
func Path(target string, holds func(text string) bool) string {
	path, _, _ := strings.Cut(target, "?")
	path, _, _ = strings.Cut(path, "#")
	if scheme, rest, absolute := strings.Cut(path, "://"); absolute && !strings.Contains(scheme, "/") {
		_, rest, _ = strings.Cut(rest, "/") // the authority may hold a password
		path = "/" + rest
	}
	if holds(path) {
		return "(not shown: it holds the token)"
	}
	for segment := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(segment, "eyJ") {
			path = strings.ReplaceAll(path, segment, "(not shown)")
		}
	}
	return Plain(path)
}
