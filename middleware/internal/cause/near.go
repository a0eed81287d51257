package cause

import (
	"net/url"
	"strings"
)

// nearest finds the configured value that is meant most likely, and says by what it differs from what came; difference is empty where
// there is no more to say than that they differ.
func nearest(got string, configured []string) (near, difference string) {
	best := -1
	for _, c := range configured {
		if d := differ(got, c); d != "" && difference == "" {
			near, difference = c, d
		}
		if n := commonPrefix(got, c); n > best && difference == "" {
			near, best = c, n
		}
	}
	return near, difference
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// differ says what the difference between two values is, if it is one that people overlook. They are not equal.
func differ(got, configured string) string {
	trimmed := strings.TrimFunc(configured, isInvisible)
	switch {
	case trimmed == strings.TrimFunc(got, isInvisible):
		whose := "the configured one"
		if trimmed == configured {
			whose = "that of the token"
		}
		return "they differ only by a blank or control character at an end of " + whose
	case strings.TrimSuffix(got, "/") == strings.TrimSuffix(configured, "/"):
		return "they differ only by a slash at the end"
	case strings.EqualFold(got, configured):
		return "they differ only in upper and lower case"
	case afterScheme(got) == afterScheme(configured):
		return "they differ only in what stands before ://"
	case strings.TrimSuffix(strings.TrimFunc(afterScheme(got), isInvisible), "/") == strings.TrimSuffix(
		strings.TrimFunc(afterScheme(configured), isInvisible), "/",
	):
		return "they differ only in what stands before ://, and at the end"
	}
	return differAsURL(got, configured)
}

func isInvisible(r rune) bool { return r <= ' ' || r == 0x7f || r >= 0x80 && r <= 0xa0 || r == 0xfeff }

func afterScheme(s string) string {
	if _, after, ok := strings.Cut(s, "://"); ok {
		return after
	}
	return s
}

func differAsURL(got, configured string) string {
	a, err := url.Parse(got)
	if err != nil || a.Host == "" {
		return ""
	}
	b, err := url.Parse(configured)
	if err != nil || b.Host == "" {
		return ""
	}
	samePath := strings.TrimSuffix(a.Path, "/") == strings.TrimSuffix(b.Path, "/")
	switch {
	case a.Hostname() == b.Hostname() && samePath:
		return "they differ only by the port"
	case a.Hostname() == b.Hostname():
		return "the host is the same and the path differs"
	case samePath && a.Path != "" && a.Path != "/":
		return "the path is the same and the host differs"
	default:
		return ""
	}
}
