package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

func TestParseRefusesDuplicateNames(t *testing.T) {
	const duplicate = "strictjson: duplicate member name at byte "
	refuseAll(t, []refusal{
		{"the last one wins", `{"sub":"good","sub":"evil"}`, strictjson.ErrDuplicate, duplicate + "14"},
		{"even if both are the same", `{"a":1,"a":1}`, strictjson.ErrDuplicate, duplicate + "7"},
		{"far apart", `{"alg":"RS256","kid":"a","alg":"none"}`, strictjson.ErrDuplicate, duplicate + "25"},
		{"the empty name", `{"":1,"":2}`, strictjson.ErrDuplicate, duplicate + "6"},
		{"one in escapes", `{"sub":"good","\u0073ub":"evil"}`, strictjson.ErrDuplicate, duplicate + "14"},
		{"both in escapes, of different case", `{"\u006b":1,"\u006B":2}`, strictjson.ErrDuplicate, duplicate + "12"},
		{"an escaped slash", `{"a/b":1,"a\/b":2}`, strictjson.ErrDuplicate, duplicate + "9"},
		{"a pair of escapes for one character", `{"😀":1,"\ud83d\ude00":2}`, strictjson.ErrDuplicate, duplicate + "10"},
		{"in a nested object", `{"cnf":{"jkt":1,"jkt":2}}`, strictjson.ErrDuplicate, duplicate + "16"},
		{"in an object in an array", `{"a":[1,{"b":1,"b":2}]}`, strictjson.ErrDuplicate, duplicate + "15"},
		{"on both sides of a nested object", `{"a":1,"b":{"c":1},"a":2}`, strictjson.ErrDuplicate, duplicate + "19"},
		{"on both sides of a nested object with that name", `{"a":{"a":{"a":1}},"a":2}`, strictjson.ErrDuplicate, duplicate + "19"},
		{"a name that looks nothing like its twin until decoded", `{"` + `\u0061\u0062` + `":1,"ab":2}`, strictjson.ErrDuplicate, duplicate + "18"},
	})
}

func TestParseRefusesDuplicatesHoweverManyNamesAreOpen(t *testing.T) {
	for _, count := range []int{1, 16, 31, 32, 33, 63, 64, 65, 128, 129, 1000} {
		many := members(count)
		nested := `{"aaa":` + strings.TrimSuffix(many, "}") + `,"x":` + many + `}}`
		for _, document := range []string{many, nested} {
			if _, err := strictjson.Parse(document); err != nil {
				t.Errorf("%d members: %v", count, err)
			}
			for _, name := range []string{"aaa", `\u0061aa`} {
				twice := strings.TrimSuffix(document, "}") + `,"` + name + `":1}`
				if _, err := strictjson.Parse(twice); err == nil {
					t.Errorf("%d members and %q again: accepted", count, name)
				}
			}
		}
	}
}

func TestEachObjectHasItsOwnNames(t *testing.T) {
	for _, document := range []string{
		`{"a":{"a":{"a":1}},"b":{"a":1},"c":[{"a":1},{"a":2},{"a":{"a":3}}]}`,
		`{"a":"b","b":"a","c":"a"}`,
		deep(4 << 10),
		`{"x":[` + strings.TrimSuffix(strings.Repeat(members(100)+",", 10), ",") + `]}`,
		`{"a_b":1,"a-b":2,"ab":3,"a b":4,"@":5,"` + "`" + `":6,"[":7,"{":8}`,
		`{"sub":1,"SUB":2,"Sub":3,"ſub":4,"k":5,"\u212a":6,"σ":7,"ς":8,"é":9,"É":10}`, // names are compared case by case (RFC 8259 section 8.3)
		`{"ß":1,"ss":2,"ﬁ":3,"fi":4,"İ":5,"i":6,"ı":7}`,                               // fold only under rules that change the length or depend on the language
	} {
		if _, err := strictjson.Parse(document); err != nil {
			t.Errorf("%.60s: %v", document, err)
		}
	}
}

func TestNamesOfClosedObjectsTakeNoRoom(t *testing.T) {
	document := `{"a":[` + strings.TrimSuffix(strings.Repeat(`{"b":{"c":1}},`, 1000), ",") + `]}`
	got := testing.AllocsPerRun(10, func() {
		if _, err := strictjson.Parse(document); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

func TestFold(t *testing.T) {
	rows := []struct{ name, want string }{
		{"", ""},
		{"sub", "SUB"},
		{"ſub", "SUB"},
		{"\u212aid", "KID"},
		{"client_id", "CLIENT_ID"},
		{"ς", "Σ"},
		{"ſ中ſ", "S中S"},
		{"https://example.com/ROLES", "HTTPS://EXAMPLE.COM/ROLES"},
	}
	for _, row := range rows {
		if got := strictjson.Fold(row.name); got != row.want {
			t.Errorf("Fold(%q) = %q, want %q", row.name, got, row.want)
		}
		if got := string(strictjson.AppendFold([]byte("x"), row.name)); got != "x"+row.want {
			t.Errorf("AppendFold(x, %q) = %q, want x%s", row.name, got, row.want)
		}
	}
}

// A name has the fold of "sk" exactly when encoding/json takes it for a field of that name.
func TestFoldIsThatOfEncodingJSON(t *testing.T) {
	const s, k = "sSſ$5zß", "kK\u212a+x"
	for _, first := range s {
		for _, second := range k {
			name := string(first) + string(second)
			var into struct {
				Field int `json:"sk"`
			}
			if err := json.Unmarshal([]byte(`{"`+name+`":1}`), &into); err != nil {
				t.Fatal(err)
			}
			if same := strictjson.Fold(name) == strictjson.Fold("sk"); same != (into.Field == 1) {
				t.Errorf("%q: same fold %t, same field %t", name, same, into.Field == 1)
			}
		}
	}
}

func TestFoldOfEveryCharacterIsTheSmallestOfItsOrbit(t *testing.T) {
	for r := range rune(utf8.MaxRune + 1) {
		if !utf8.ValidRune(r) {
			continue
		}
		want := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			want = min(want, next)
		}
		if got := strictjson.Fold(string(r)); got != string(want) {
			t.Errorf("Fold(%q) = %q, want %q", r, got, want)
		}
	}
}

func TestFoldedLookupsAllocateNothing(t *testing.T) {
	known := map[string]bool{"CLIENT_ID": true}
	got := testing.AllocsPerRun(100, func() {
		var room [64]byte
		if !known[string(strictjson.AppendFold(room[:0], "client_id"))] {
			t.Fatal("not found")
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}
