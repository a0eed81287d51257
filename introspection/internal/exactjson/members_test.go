package exactjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection/internal/exactjson"
)

// objectOf is an object with so many names, and others behind them.
func objectOf(n int, more ...string) string {
	var members []string
	for i := range n {
		members = append(members, fmt.Sprintf(`"n%d":%d`, i, i))
	}
	return "{" + strings.Join(append(members, more...), ",") + "}"
}

func TestMembersAreThoseOfEncodingJSON(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { } `, `{"a":1}`, " {\n\"a\" : [ 1 , {\"a\":2} , [ ] ] ,\t\"b\" : \"}\\\"]\" } ",
		`{"a":{"a":{"a":1},"b":2},"b":{"a":1}}`, `{"a":[{"x":1},{"x":1}],"x":{"x":[]}}`, `{"A":1,"a":2}`, `{"":1,"\u0061":{"b":"\\"},"é":-1.5e3,"t":true,"n":null}`,
		objectOf(31), objectOf(32), objectOf(33), objectOf(200), objectOf(40, `"o":`+objectOf(40), `"p":`+objectOf(40)),
	} {
		var want map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(text, err)
		}
		got, err := exactjson.Members([]byte(text))
		if err != nil || len(got) != len(want) || got.Of("no member") != nil {
			t.Errorf("%s: %s (%v), want %s", text, got, err, want)
		}
		for name, value := range want {
			if string(got.Of(name)) != string(value) {
				t.Errorf("%s: %s is %s, want %s", text, name, got.Of(name), value)
			}
		}
	}
}

// Of two equal names encoding/json takes the last, and other readers the first.
func TestMembersRefuseNamesThatOccurTwice(t *testing.T) {
	for _, text := range []string{
		`{"a":1,"a":1}`, `{"a":1,"b":2,"a":3}`, `{"a":1,"\u0061":2}`, `{"x":{"a":1,"a":2}}`, `{"x":[1,[{"a":1,"b":{},"a":2}]]}`, `{"":1,"":2}`,
		`{"a":{"b":1},"a":2}`, `{"a":{"a":{"a":1}},"a":1}`,
		objectOf(31, `"n0":0`), objectOf(32, `"n0":0`), objectOf(33, `"n0":0`), objectOf(33, `"n32":0`), objectOf(200, `"n150":0`), objectOf(200, `"o":`+objectOf(40, `"n39":1`)),
		objectOf(40, `"o":{}`, `"o":{}`), objectOf(20, `"o":`+objectOf(20), `"n19":1`),
	} {
		if got, err := exactjson.Members([]byte(text)); got != nil || !errors.Is(err, exactjson.ErrTwin) {
			t.Errorf("%s: %s (%v), want ErrTwin", text, got, err)
		}
	}
}

func TestMembersAreNotNestedForEver(t *testing.T) {
	nested := func(open, within, end string, n int) []byte {
		return []byte(`{"a":` + strings.Repeat(open, n) + within + strings.Repeat(end, n) + `}`)
	}
	for _, row := range []struct{ open, end string }{{"[", "]"}, {`{"a":`, "}"}} {
		if _, err := exactjson.Members(nested(row.open, "1", row.end, 63)); err != nil {
			t.Errorf("64 levels of %s: %v", row.open, err)
		}
		if _, err := exactjson.Members(nested(row.open, "1", row.end, 64)); !errors.Is(err, exactjson.ErrDepth) {
			t.Errorf("65 levels of %s: %v, want ErrDepth", row.open, err)
		}
	}
}
