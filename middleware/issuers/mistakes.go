package issuers

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware"
)

// arguments collects what is wrong with the arguments of one preset.
type arguments struct {
	preset string // "Auth0"
	errs   []error
}

func argumentsOf(preset string) *arguments { return &arguments{preset: preset} }

// wrong notes a mistake. The text names the argument, the value and the remedy.
func (a *arguments) wrong(format string, args ...any) {
	a.errs = append(a.errs, fmt.Errorf("issuers."+a.preset+": "+format, args...))
}

func (a *arguments) err() error { return errors.Join(a.errs...) }

// issue returns i, which New refuses if there were mistakes.
func (a *arguments) issue(i middleware.Issuer) middleware.Issuer {
	i.Err = a.err()
	return i
}

// list wants an allow-list with something in it, since an empty one never stands for all. what says whose names it holds.
func (a *arguments) list(name string, values []string, what string) {
	if len(values) == 0 {
		a.wrong("%s is empty, which would admit nobody: name %s", name, what)
	}
	a.filled(name, values...)
}

// filled wants values that can stand in a claim: an environment variable that is missing leaves an empty one, a file a line break.
func (a *arguments) filled(name string, values ...string) {
	for _, v := range values {
		switch {
		case strings.TrimSpace(v) == "":
			a.wrong("%s has an empty value: is an environment variable missing?", name)
		case strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			a.wrong("%s has %q, in which there is white space", name, v)
		}
	}
}

// secret wants a secret, and never shows it.
func (a *arguments) secret(name, value string) {
	if strings.TrimSpace(value) == "" {
		a.wrong("%s is empty: is an environment variable missing?", name)
	} else if strings.TrimSpace(value) != value {
		a.wrong("%s begins or ends with white space: does it come from a file with a line break?", name)
	}
}

const hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-."

// domain wants a bare host name.
func (a *arguments) domain(name, value, example string) {
	switch {
	case strings.TrimSpace(value) == "":
		a.wrong("%s is empty: is an environment variable missing?", name)
	case strings.Trim(value, hostCharacters) != "", !strings.Contains(value, "."), strings.HasPrefix(value, "."), strings.HasSuffix(value, "."),
		strings.Contains(value, ".."):
		a.wrong("%s is %q: it must be a bare domain in small letters, without scheme, port and path, such as %s", name, value, example)
	}
}

const segmentCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:"

// segment wants one segment of a path or one label of a host, so that it cannot lead anywhere else.
func (a *arguments) segment(name, value, example string) {
	switch {
	case strings.TrimSpace(value) == "":
		a.wrong("%s is empty: is an environment variable missing?", name)
	case strings.Trim(value, segmentCharacters) != "", value == ".", value == "..":
		a.wrong("%s is %q: it must be a plain name such as %s", name, value, example)
	}
}

// label wants one label of a host name.
func (a *arguments) label(name, value, example string) {
	a.segment(name, value, example)
	if strings.ContainsAny(value, "._~:") || strings.ToLower(value) != value {
		a.wrong("%s is %q: it must be one label of a host name, in small letters, such as %s", name, value, example)
	}
}

// address wants an absolute URL; whether it may be plain http is for New to judge.
func (a *arguments) address(name, value, example string) {
	u, err := url.Parse(value)
	switch {
	case strings.TrimSpace(value) == "":
		a.wrong("%s is empty: is an environment variable missing?", name)
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.User != nil, strings.ContainsAny(value, "?#\\ \t\r\n"):
		a.wrong("%s must be scheme, host and perhaps a path, such as %s, and %s is not", name, example, quotedAddress(value))
	case strings.Contains(value, "/.well-known/"):
		a.wrong("%s is %q, the address of a document: leave out what begins with /.well-known/", name, value)
	}
}

// quotedAddress shows a value that was meant to be an address, without a user name or a query in it, which may be secret.
func quotedAddress(value string) string {
	value, _, _ = strings.Cut(value, "?")
	if at := strings.LastIndexByte(value, '@'); at >= 0 {
		value = "xxxxx" + value[at:]
	}
	return fmt.Sprintf("%q", value)
}

// isDigits reports whether value is a number as providers number things.
func isDigits(value string) bool { return value != "" && strings.Trim(value, "0123456789") == "" }

func present(claims ...string) middleware.ClaimRule { return middleware.ClaimRule{Claims: claims} }

// The values are the caller's, who may change them.
func oneOf(claim string, values ...string) middleware.ClaimRule {
	return middleware.ClaimRule{Claims: []string{claim}, OneOf: slices.Clone(values)}
}

// unless lets tokens pass that do not have the claim, or have it with another value than these.
func unless(claim string, values ...string) middleware.ClaimRule {
	return middleware.ClaimRule{Claims: []string{claim}, NoneOf: values, Optional: true}
}

// ifPresent lets tokens pass that do not have the claim, or have one of these values.
func ifPresent(claim string, values ...string) middleware.ClaimRule {
	return middleware.ClaimRule{Claims: []string{claim}, OneOf: slices.Clone(values), Optional: true}
}

// numbers wants decimal numbers.
func (a *arguments) numbers(name string, values []string) {
	for _, v := range values {
		if v != "" && !isDigits(v) {
			a.wrong("%s has %q: it must be a number", name, v)
		}
	}
}
