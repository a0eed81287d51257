package strictjson_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

func TestParseRefusesBrokenGrammar(t *testing.T) {
	const bad = "strictjson: invalid syntax at byte "
	refuseAll(t, []refusal{
		{"a comma after the last member", `{"a":1,}`, strictjson.ErrSyntax, bad + "7"},
		{"a comma before the first member", `{,"a":1}`, strictjson.ErrSyntax, bad + "1"},
		{"no comma between members", `{"a":1 "b":2}`, strictjson.ErrSyntax, bad + "7"},
		{"two commas between members", `{"a":1,,"b":2}`, strictjson.ErrSyntax, bad + "7"},
		{"a member without value", `{"a":}`, strictjson.ErrSyntax, bad + "5"},
		{"a member without colon", `{"a" 1}`, strictjson.ErrSyntax, bad + "5"},
		{"a name alone", `{"a"}`, strictjson.ErrSyntax, bad + "4"},
		{"a name without quotes", `{a:1}`, strictjson.ErrSyntax, bad + "1"},
		{"a name in single quotes", `{'a':1}`, strictjson.ErrSyntax, bad + "1"},
		{"a number for a name", `{1:1}`, strictjson.ErrSyntax, bad + "1"},
		{"an equals sign for the colon", `{"a"=1}`, strictjson.ErrSyntax, bad + "4"},
		{"a comma after the last element", `{"a":[1,]}`, strictjson.ErrSyntax, bad + "8"},
		{"a comma before the first element", `{"a":[,1]}`, strictjson.ErrSyntax, bad + "6"},
		{"no comma between elements", `{"a":[1 2]}`, strictjson.ErrSyntax, bad + "8"},
		{"an array that never ends", `{"a":[1`, strictjson.ErrSyntax, bad + "7"},
		{"an array closed by a brace", `{"a":[1}`, strictjson.ErrSyntax, bad + "7"},
		{"an object closed by a bracket", `{"a":1]`, strictjson.ErrSyntax, bad + "6"},
		{"a member inside an array", `{"a":["b":1]}`, strictjson.ErrSyntax, bad + "9"},
		{"a literal in capitals", `{"a":True}`, strictjson.ErrSyntax, bad + "5"},
		{"a literal cut short", `{"a":tru}`, strictjson.ErrSyntax, bad + "5"},
		{"a literal at the end of the document", `{"a":nul`, strictjson.ErrSyntax, bad + "5"},
		{"a literal with more behind", `{"a":nullx}`, strictjson.ErrSyntax, bad + "9"},
		{"NaN", `{"a":NaN}`, strictjson.ErrSyntax, bad + "5"},
		{"Infinity", `{"a":Infinity}`, strictjson.ErrSyntax, bad + "5"},
		{"undefined", `{"a":undefined}`, strictjson.ErrSyntax, bad + "5"},
		{"a comment", `{"a":1/**/}`, strictjson.ErrSyntax, bad + "6"},
		{"a form feed for white space", "{\f}", strictjson.ErrSyntax, bad + "1"},
		{"a vertical tab for white space", "{\"a\":\v1}", strictjson.ErrSyntax, bad + "5"},
		{"a no-break space for white space", "{\u00a0}", strictjson.ErrSyntax, bad + "1"},
		{"a NUL for a value", "{\"a\":\x00}", strictjson.ErrSyntax, bad + "5"},
		{"a NUL between members", "{\"a\":1\x00,\"b\":1}", strictjson.ErrSyntax, bad + "6"},
		{"bytes that are not UTF-8 outside a string", "{\xff}", strictjson.ErrSyntax, bad + "1"},
	})
}

func TestParseBoundsDepth(t *testing.T) {
	objects := func(depth int) string {
		return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
	}
	arrays := func(depth int) string {
		return `{"a":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + "}"
	}
	for _, document := range []string{objects(strictjson.MaxDepth), arrays(strictjson.MaxDepth)} {
		if _, err := strictjson.Parse(document); err != nil {
			t.Errorf("%.20s… at the limit: %v", document, err)
		}
	}
	refuseAll(t, []refusal{
		{"objects one too deep", objects(65), strictjson.ErrDepth, "strictjson: nested too deeply at byte 320"},
		{"arrays one too deep", arrays(65), strictjson.ErrDepth, "strictjson: nested too deeply at byte 68"},
		{"a million brackets to overflow the stack", `{"a":` + strings.Repeat("[", 1e6), strictjson.ErrDepth, "strictjson: nested too deeply at byte 68"},
		{"a million braces to overflow the stack", strings.Repeat(`{"a":`, 1e6), strictjson.ErrDepth, "strictjson: nested too deeply at byte 320"},
	})
}

func TestDepthIsOfOpenBracketsNotOfAll(t *testing.T) {
	document := `{"a":[` + strings.Repeat("[{}],", 1000) + `[]]}`
	if _, err := strictjson.Parse(document); err != nil {
		t.Error(err)
	}
}

// A document may end anywhere: it is refused, and nothing is read beyond its end.
func TestEveryBeginningOfADocumentIsRefused(t *testing.T) {
	const document = ` {"a":-1.5e+3,"b":[true,false,null,{"c":"\ud83d\ude00é"}],"d":{},"e":0.25} `
	if _, err := strictjson.Parse(document); err != nil {
		t.Fatal(err)
	}
	for end := range len(strings.TrimSpace(document)) {
		if _, err := strictjson.Parse(document[:end]); err == nil {
			t.Errorf("%q is accepted", document[:end])
		}
	}
}
