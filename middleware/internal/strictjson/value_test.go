package strictjson_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

func TestValueOfEachKind(t *testing.T) {
	type answers struct {
		kind                  strictjson.Kind
		text                  string
		isText, truth, isBool bool
		strings               string // joined, "-" for none
		elements, members     int
	}
	rows := []struct {
		raw  string
		want answers
	}{
		{`null`, answers{kind: strictjson.Null, strings: "-"}},
		{`true`, answers{kind: strictjson.Bool, truth: true, isBool: true, strings: "-"}},
		{`false`, answers{kind: strictjson.Bool, isBool: true, strings: "-"}},
		{`1`, answers{kind: strictjson.Number, strings: "-"}},
		{`-1`, answers{kind: strictjson.Number, strings: "-"}},
		{`"true"`, answers{kind: strictjson.String, text: "true", isText: true, strings: "-"}},
		{`"[]"`, answers{kind: strictjson.String, text: "[]", isText: true, strings: "-"}},
		{`[]`, answers{kind: strictjson.Array}},
		{`["a"]`, answers{kind: strictjson.Array, strings: "a", elements: 1}},
		{` ["a" , "\u0062,]" ]`[1:], answers{kind: strictjson.Array, strings: "a b,]", elements: 2}},
		{`["a",1]`, answers{kind: strictjson.Array, strings: "-", elements: 2}},
		{`["a",null]`, answers{kind: strictjson.Array, strings: "-", elements: 2}},
		{`["a",["b"]]`, answers{kind: strictjson.Array, strings: "-", elements: 2}},
		{`[1,-2.5e3,true,null,{},[[]]]`, answers{kind: strictjson.Array, strings: "-", elements: 6}},
		{`{}`, answers{kind: strictjson.Object, strings: "-"}},
		{`{ }`, answers{kind: strictjson.Object, strings: "-"}},
		{`{"a":["b"]}`, answers{kind: strictjson.Object, strings: "-", members: 1}},
		{`{"a":1,"b":{"c":2,"d":3}}`, answers{kind: strictjson.Object, strings: "-", members: 2}},
	}
	for _, row := range rows {
		t.Run(row.raw, func(t *testing.T) {
			v := member(t, row.raw)
			got := answers{kind: v.Kind(), strings: "-"}
			got.text, got.isText = v.Text()
			got.truth, got.isBool = v.Bool()
			if list, ok := v.Strings(nil); ok {
				got.strings = strings.Join(list, " ")
			}
			for range v.Elements() {
				got.elements++
			}
			for range v.Members() {
				got.members++
			}
			if got != row.want {
				t.Errorf("%+v, want %+v", got, row.want)
			}
		})
	}
}

func TestTheZeroValueIsAbsent(t *testing.T) {
	var v strictjson.Value
	if v.Kind() != 0 || v.Raw() != "" {
		t.Errorf("kind %d, raw %q", v.Kind(), v.Raw())
	}
	if text, ok := v.Text(); ok || text != "" {
		t.Errorf("Text() = %q, %t", text, ok)
	}
	if truth, ok := v.Bool(); ok || truth {
		t.Errorf("Bool() = %t, %t", truth, ok)
	}
	if list, ok := v.Strings(nil); ok || list != nil {
		t.Errorf("Strings() = %q, %t", list, ok)
	}
	for range v.Elements() {
		t.Error("an element")
	}
	for range v.Members() {
		t.Error("a member")
	}
	if m, ok := v.Member(""); ok || m != v {
		t.Errorf("Member() = %q, %t", m.Raw(), ok)
	}
}

func TestStringsAppends(t *testing.T) {
	room := append(make([]string, 0, 8), "z")
	got, ok := member(t, `["a","b"]`).Strings(room)
	if !ok || !slices.Equal(got, []string{"z", "a", "b"}) || &got[0] != &room[0] {
		t.Errorf("Strings() = %q, %t; want z, a, b in the room given", got, ok)
	}
	got, ok = member(t, `["x","y",1]`).Strings(room)
	if ok || !slices.Equal(got, []string{"z"}) || room[:3][1] != "a" {
		t.Errorf("Strings() of a mixed array = %q, %t over %q; want dst untouched", got, ok, room[:3])
	}
}

func TestStringsAllocatesOnce(t *testing.T) {
	v := member(t, `["https://api.example.com","https://orders.example.com","account","x","y"]`)
	// The race detector makes slices.Grow allocate twice.
	if got := testing.AllocsPerRun(100, func() { _, _ = v.Strings(nil) }); got > 2 {
		t.Errorf("%v allocations for a new list, want 1", got)
	}
	room := make([]string, 0, 5)
	if got := testing.AllocsPerRun(100, func() { _, _ = v.Strings(room) }); got != 0 {
		t.Errorf("%v allocations where there is room, want none", got)
	}
}

func TestMemberNamesMatchExactly(t *testing.T) {
	object, err := strictjson.Parse(`{"aud":1,"\u0069ss":2,"nested":{"sub":3},"":4}`)
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct{ name, want string }{
		{"aud", "1"}, {"iss", "2"}, {"", "4"}, {"nested", `{"sub":3}`},
		{"AUD", ""}, {"sub", ""}, {`\u0069ss`, ""}, {"au", ""}, {"audi", ""},
	}
	for _, row := range rows {
		v, ok := object.Member(row.name)
		if v.Raw() != row.want || ok != (row.want != "") {
			t.Errorf("Member(%q) = %q, %t; want %q", row.name, v.Raw(), ok, row.want)
		}
	}
}

func TestIterationMayEndEarly(t *testing.T) {
	for v := range member(t, `[1,2,3]`).Elements() {
		if v.Raw() != "1" {
			t.Errorf("went on to %s", v.Raw())
		}
		break
	}
	for name := range member(t, `{"a":1,"b":2}`).Members() {
		if name != "a" {
			t.Errorf("went on to %s", name)
		}
		break
	}
}
