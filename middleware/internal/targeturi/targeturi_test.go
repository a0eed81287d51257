package targeturi_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

func TestTwoSpellingsOfOneURI(t *testing.T) {
	for _, pair := range [][2]string{
		{"https://api.ex/~a", "HTTPS://API.EX:443/%7ea"},
		{"http://api.ex", "http://api.ex:80/"},
		{"https://api.ex/a", "https://api.ex:/a?b#c"},
		{"https://api.ex/a/b", "https://api.ex/x/%2e/../a/b"},
		{"https://[::1]/a%2F", "https://[::1]:443/a%2f"},
	} {
		one, ok := targeturi.Parse(pair[0])
		other, alsoOK := targeturi.Parse(pair[1])
		if !ok || !alsoOK || one != other {
			t.Errorf("%s is %v, %t; %s is %v, %t", pair[0], one, ok, pair[1], other, alsoOK)
		}
	}
}

func TestWhatIsNoURI(t *testing.T) {
	for _, text := range []string{
		"", "/a", "//api.ex/a", "https:api.ex", "ftp://api.ex", "https://", "https:///a", "https://u@api.ex", "https://api.ex:a/", "https://[::1/",
		"https://api.ex/a b", "https://api.ex/%", "https://api.ex/%4", "https://api.ex/%g0", "https://api.ex/é", "https://api.ex/?\n", "https://api.e\u212a",
	} {
		if u, ok := targeturi.Parse(text); ok {
			t.Errorf("%q is read as %v", text, u)
		}
	}
}

func TestARequestTargetAtItsServer(t *testing.T) {
	base, _ := targeturi.Parse("HTTPS://API.EX/v1/")
	if base.Origin() != "https://api.ex" {
		t.Errorf("the origin is %q", base.Origin())
	}
	for target, want := range map[string]string{
		"/a?b": "https://api.ex/v1/a", "/../../a": "https://api.ex/v1/a", "http://evil.ex/a": "https://api.ex/v1/a", "/": "https://api.ex/v1/",
		"*": "", "api.ex:443": "", "": "", "/a#b": "", "http://api.ex/a#b": "", "/a%": "",
	} {
		whole, valid := targeturi.Parse(want)
		if at, ok := base.At(target); ok != valid || ok && at != whole {
			t.Errorf("%q is at %v, %t; want %v, %t", target, at, ok, whole, valid)
		}
	}
}
