package strictjson_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// refusal is a document that must not be read, and why.
type refusal struct {
	attack   string
	document string
	reason   error
	message  string // all of it, because it must not quote the document
}

func refuseAll(t *testing.T, rows []refusal) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.attack, func(t *testing.T) {
			v, err := strictjson.Parse(row.document)
			if !errors.Is(err, row.reason) {
				t.Fatalf("Parse: %v, want %v", err, row.reason)
			}
			if err.Error() != row.message {
				t.Errorf("Parse: %q, want %q", err, row.message)
			}
			if v != (strictjson.Value{}) {
				t.Errorf("Parse returned a value of kind %d beside the error", v.Kind())
			}
			err = strictjson.Walk(row.document, func(string, strictjson.Value) error {
				t.Error("Walk visited a member of a refused document")
				return nil
			})
			if !errors.Is(err, row.reason) {
				t.Errorf("Walk: %v, want %v", err, row.reason)
			}
		})
	}
}

func TestParseRefusesWhatIsNotOneObject(t *testing.T) {
	refuseAll(t, []refusal{
		{"nothing at all", ``, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 0"},
		{"white space alone", " \n", strictjson.ErrSyntax, "strictjson: invalid syntax at byte 2"},
		{"null, which decodes into an empty struct", `null`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 0"},
		{"an array around the claims", `[{"sub":"a"}]`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 0"},
		{"a string", `"{}"`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 0"},
		{"a number", `1`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 0"},
		{"a second object that a streaming decoder never sees", `{"sub":"a"}{"sub":"b"}`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 11"},
		{"trailing text", `{} x`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 3"},
		{"a trailing NUL", "{}\x00", strictjson.ErrSyntax, "strictjson: invalid syntax at byte 2"},
		{"a byte order mark", "\ufeff{}", strictjson.ErrSyntax, "strictjson: invalid syntax at byte 0"},
		{"UTF-16", "{\x00}\x00", strictjson.ErrSyntax, "strictjson: invalid syntax at byte 1"},
		{"an object that never ends", `{"a":1`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 6"},
		{"a closing brace that opens nothing", `}`, strictjson.ErrSyntax, "strictjson: invalid syntax at byte 0"},
	})
}

func TestWalkVisitsMembersInOrder(t *testing.T) {
	rows := []struct {
		about    string
		document string
		want     []string
	}{
		{"an empty object has none", `{}`, nil},
		{"white space is allowed everywhere around", " \t\r\n{ \t\r\n} \t\r\n", nil},
		{"values come as they are written", `{"b":1e0,"a":[ 1 ],"c":{"d":{}}}`, []string{"b=1e0", "a=[ 1 ]", `c={"d":{}}`}},
		{"white space belongs to no value", ` { "a" : 1 , "b" : "x" , "c" : [ ] , "d" : null } `, []string{"a=1", `b="x"`, "c=[ ]", "d=null"}},
		{"names are decoded", `{"\u0073ub":"x","\"":true,"":false}`, []string{`sub="x"`, `"=true`, "=false"}},
		{"brackets and commas in strings end nothing", `{"a":"}],{[\"","b":["]","}\\"],"c":{"}":"{"}}`,
			[]string{`a="}],{[\""`, `b=["]","}\\"]`, `c={"}":"{"}`}},
		{"the last value may be a number against the brace", `{"a":{"b":-0.5E+3}}`, []string{`a={"b":-0.5E+3}`}},
	}
	for _, row := range rows {
		t.Run(row.about, func(t *testing.T) {
			var got []string
			err := strictjson.Walk(row.document, func(name string, v strictjson.Value) error {
				got = append(got, name+"="+v.Raw())
				return nil
			})
			if err != nil || !slices.Equal(got, row.want) {
				t.Errorf("Walk visited %q, %v; want %q", got, err, row.want)
			}
		})
	}
}

func TestWalkEndsWithTheErrorOfVisit(t *testing.T) {
	stop := errors.New("stop")
	visits := 0
	err := strictjson.Walk(`{"a":1,"b":2,"c":3}`, func(name string, _ strictjson.Value) error {
		visits++
		if name == "b" {
			return stop
		}
		return nil
	})
	if err != stop || visits != 2 {
		t.Errorf("Walk: %v after %d visits, want the error of visit after 2", err, visits)
	}
}

func TestParseReturnsTheObjectWithoutWhatIsAround(t *testing.T) {
	v, err := strictjson.Parse("\n{\"a\": 1}\t")
	if err != nil || v.Raw() != `{"a": 1}` || v.Kind() != strictjson.Object {
		t.Errorf("Parse: %q of kind %d, %v", v.Raw(), v.Kind(), err)
	}
}

func TestReadingAnOrdinaryTokenAllocatesNothing(t *testing.T) {
	got := testing.AllocsPerRun(100, func() {
		total := 0
		err := strictjson.Walk(payload, func(name string, v strictjson.Value) error {
			total += len(name)
			if text, ok := v.Text(); ok {
				total += len(text)
			}
			for range v.Elements() {
				total++
			}
			for range v.Members() {
				total++
			}
			if v.Kind() != strictjson.Number {
				return nil
			}
			_, err := v.NumericDate()
			return err
		})
		if err != nil || total == 0 {
			t.Fatal(err, total)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

// A reader that compares each name with each other would not finish this.
func TestParseIsLinearInTheNumberOfMembers(t *testing.T) {
	var b strings.Builder
	for i := range 300_000 {
		b.WriteString(`,"`)
		for ; i > 0; i /= 26 {
			b.WriteByte(byte('a' + i%26))
		}
		b.WriteString(`.":1`)
	}
	if _, err := strictjson.Parse("{" + b.String()[1:] + "}"); err != nil {
		t.Fatal(err)
	}
	if _, err := strictjson.Parse("{" + b.String()[1:] + `,"zzz.":1}`); !errors.Is(err, strictjson.ErrDuplicate) {
		t.Fatalf("Parse: %v, want a duplicate at the end", err)
	}
}

// FuzzWalk holds the reader against the slow one below: both accept the same
// documents and read the same in them.
func FuzzWalk(f *testing.F) {
	for _, seed := range []string{
		payload, `{}`, " {\"a\":[1,-0.5e+3,true,null,\"x\",{\"b\":{}}]}\r\n", `{"sub":"a"}{"sub":"b"}`, `{"sub":1,"ſUB":2}`,
		`{"\u0073ub":1,"sub":2}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, "{\"a\":\"\xff\"}", `{"a":01}`, `{"a":1e400}`, `[]`, `null`,
		`{"a":[{"k":1},{"K":2}],"b":{"K":1,"` + "\u212a" + `":2}}`, deep(600), members(40), `{"a":"é€😀\\\"\n"}`, "\ufeff{}",
		strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), `{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + "}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		want, refusal := reference(document)
		got, err := strictjson.Parse(document)
		if (err == nil) != (refusal == nil) {
			t.Fatalf("Parse: %v; the reference: %v", err, refusal)
		}
		members := 0
		walkErr := strictjson.Walk(document, func(name string, v strictjson.Value) error {
			members++
			return compare(v, want[name])
		})
		if err == nil && walkErr != nil || err != nil && walkErr.Error() != err.Error() {
			t.Fatalf("Walk: %v, Parse: %v", walkErr, err)
		}
		if err != nil {
			return
		}
		if members != len(want) {
			t.Fatalf("Walk visited %d members of %d", members, len(want))
		}
		if err := compare(got, want); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWalkEndsWithALateErrorOfVisit(t *testing.T) {
	var members []string
	for i := range 100 {
		members = append(members, fmt.Sprintf(`"m%d":%d`, i, i))
	}
	enough := errors.New("enough")
	seen := 0
	err := strictjson.Walk("{"+strings.Join(members, ",")+"}", func(string, strictjson.Value) error {
		if seen++; seen == 60 {
			return enough
		}
		return nil
	})
	if err != enough || seen != 60 {
		t.Errorf("%d members were visited, error %v", seen, err)
	}
}
