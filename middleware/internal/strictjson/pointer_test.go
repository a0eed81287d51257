package strictjson_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

func TestLookup(t *testing.T) {
	document, err := strictjson.Parse(`{
		"foo": ["bar", "baz", ["deep"]], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
		"~1": 9, "0": {"0": "object"}, "realm_access": {"roles": ["admin"]}, "https://example.com/roles": ["x"], "empty": []
	}`)
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct{ about, pointer, want string }{
		{"a member", "/foo", `["bar", "baz", ["deep"]]`},
		{"an element", "/foo/0", `"bar"`},
		{"an element of an element", "/foo/2/0", `"deep"`},
		{"the empty name", "/", "0"},
		{"an escaped slash", "/a~1b", "1"},
		{"a per cent sign, which means nothing here", "/c%d", "2"},
		{"a circumflex", "/e^f", "3"},
		{"a bar", "/g|h", "4"},
		{"a backslash", `/i\j`, "5"},
		{"a quote", `/k"l`, "6"},
		{"a space", "/ ", "7"},
		{"an escaped tilde", "/m~0n", "8"},
		{"a tilde before a one is no slash", "/~01", "9"},
		{"a name of digits", "/0", `{"0": "object"}`},
		{"a name of digits in that", "/0/0", `"object"`},
		{"where Keycloak keeps roles", "/realm_access/roles", `["admin"]`},
		{"a claim with a URL for a name", "/https:~1~1example.com~1roles/0", `"x"`},

		{"a name that is not there", "/bar", ""},
		{"a name of other case", "/FOO", ""},
		{"an index beyond the end", "/foo/3", ""},
		{"an index into nothing", "/empty/0", ""},
		{"the element after the last", "/foo/-", ""},
		{"a negative index", "/foo/-1", ""},
		{"an index with a leading zero", "/foo/00", ""},
		{"an index with a sign", "/foo/+0", ""},
		{"an index with a space", "/foo/ 0", ""},
		{"an index in other digits", "/foo/٠", ""},
		{"an index that wraps round in 64 bits", "/foo/18446744073709551616", ""},
		{"an empty index", "/foo/", ""},
		{"a name in an array", "/foo/bar", ""},
		{"below a string", "/foo/0/0", ""},
		{"below a number", "/a~1b/0", ""},
	}
	for _, row := range rows {
		t.Run(row.about, func(t *testing.T) {
			p, err := strictjson.ParsePointer(row.pointer)
			if err != nil || p.String() != row.pointer {
				t.Fatalf("ParsePointer: %q, %v", p, err)
			}
			got, ok := document.Lookup(p)
			if got.Raw() != row.want || ok != (row.want != "") {
				t.Errorf("Lookup = %q, %t; want %q", got.Raw(), ok, row.want)
			}
		})
	}
}

func TestTheZeroPointerPointsToNothing(t *testing.T) {
	if v, ok := member(t, `{"":1}`).Lookup(strictjson.Pointer{}); ok || v.Kind() != 0 {
		t.Errorf("Lookup = %q, %t", v.Raw(), ok)
	}
}

func TestParsePointerRefuses(t *testing.T) {
	rows := []struct{ about, pointer, message string }{
		{"the whole document", "", `strictjson: invalid JSON pointer "": must begin with "/"`},
		{"a bare name", "roles", `strictjson: invalid JSON pointer "roles": must begin with "/"`},
		{"a pointer in a URL", "#/roles", `strictjson: invalid JSON pointer "#/roles": must begin with "/"`},
		{"a bare tilde", "/a~b", `strictjson: invalid JSON pointer "/a~b": write "~0" for "~"`},
		{"a tilde at the end of a name", "/a~/0", `strictjson: invalid JSON pointer "/a~/0": write "~0" for "~"`},
		{"a tilde at the end", "/~", `strictjson: invalid JSON pointer "/~": write "~0" for "~"`},
		{"two tildes", "/~~0", `strictjson: invalid JSON pointer "/~~0": write "~0" for "~"`},
		{"an unknown escape", "/~2", `strictjson: invalid JSON pointer "/~2": write "~0" for "~"`},
		{"what no member can be called", "/\xff", `strictjson: invalid JSON pointer "/\xff": must be UTF-8`},
	}
	for _, row := range rows {
		t.Run(row.about, func(t *testing.T) {
			p, err := strictjson.ParsePointer(row.pointer)
			if !errors.Is(err, strictjson.ErrPointer) || err.Error() != row.message || p.String() != "" {
				t.Errorf("ParsePointer: %q, %v; want %s", p, err, row.message)
			}
		})
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	v := member(t, `{"realm_access":{"roles":["a","b"]}}`)
	p, err := strictjson.ParsePointer("/realm_access/roles/1")
	if err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(100, func() { v.Lookup(p) }); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

// FuzzPointer holds Lookup against RFC 6901 spelled out over what encoding/json decodes.
func FuzzPointer(f *testing.F) {
	f.Add(payload, "/tenant/flags/beta")
	f.Add(payload, "/roles/4")
	f.Add(`{"a/b":{"m~n":[[],{"":1}]}}`, "/a~1b/m~0n/1/")
	f.Add(`{"~1":{"0":1}}`, "/~01/0")
	f.Add(`{"a":[1]}`, "/a/00")
	f.Add(`{"a":[1]}`, "/a/-")
	f.Add(`{"a":1}`, "")
	f.Add(`{"a":1}`, "/~2")
	grammar := regexp.MustCompile(`^(/([^~/]|~[01])*)+$`)
	index := regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	f.Fuzz(func(t *testing.T, document, text string) {
		pointer, err := strictjson.ParsePointer(text)
		good := grammar.MatchString(text) && strings.ToValidUTF8(text, "") == text
		if good != (err == nil) {
			t.Fatalf("ParsePointer(%q): %v, good: %t", text, err, good)
		}
		object, err := strictjson.Parse(document)
		if err != nil || !good {
			return
		}
		members, err := reference(document)
		if err != nil {
			t.Fatal(err)
		}
		want, found := any(members), true
		for _, token := range strings.Split(text, "/")[1:] {
			token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
			switch nest := want.(type) {
			case map[string]any:
				want, found = nest[token]
			case []any:
				i, err := strconv.Atoi(token)
				if found = index.MatchString(token) && err == nil && i < len(nest); found {
					want = nest[i]
				}
			default:
				found = false
			}
			if !found {
				break
			}
		}
		got, ok := object.Lookup(pointer)
		if ok != found {
			t.Fatalf("Lookup(%q) = %q, %t; want %t", text, got.Raw(), ok, found)
		}
		if !ok {
			return
		}
		if err := compare(got, want); err != nil {
			t.Fatal(err)
		}
	})
}
