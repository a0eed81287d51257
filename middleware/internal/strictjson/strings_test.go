package strictjson_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

func TestTextDecodes(t *testing.T) {
	rows := []struct{ about, raw, want string }{
		{"nothing", `""`, ""},
		{"ASCII", `"plain text, of more than eight bytes"`, "plain text, of more than eight bytes"},
		{"DEL, which is no control character of JSON", "\"\x7f\"", "\x7f"},
		{"characters of two, three and four bytes", `"é€😀"`, "é€😀"},
		{"U+FFFD itself, which is what broken input becomes elsewhere", "\"\ufffd\"", "\ufffd"},
		{"every short escape", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{"escapes amid text", `"one\ntwo\u0020three"`, "one\ntwo three"},
		{"hex digits of either case", `"\u00e9\u00E9\uABCD\uabcd"`, "éé\uabcd\uabcd"},
		{"a NUL, which is for the caller to judge", `"a\u0000b"`, "a\x00b"},
		{"a surrogate pair", `"\ud83d\ude00\uDBFF\uDFFF"`, "😀\U0010ffff"},
		{"the escaped replacement character", `"\ufffd"`, "\ufffd"},
		{"the neighbours of the surrogates", `"\ud7ff\ue000"`, "\ud7ff\ue000"},
		{"a backslash before what looks like an escape", `"\\u0041"`, `\u0041`},
		{"a backslash before the last quote", `"x\\"`, `x\`},
		{"escape after escape", `"\\\"\\"`, `\"\`},
	}
	for _, row := range rows {
		t.Run(row.about, func(t *testing.T) {
			got, ok := member(t, row.raw).Text()
			if !ok || got != row.want {
				t.Errorf("Text() = %q, %t; want %q", got, ok, row.want)
			}
		})
	}
}

// Eight bytes are vetted at a step, so each special byte is tried at every place in a step.
func TestSpecialBytesAreSeenAtEveryPlace(t *testing.T) {
	for before := range 9 {
		for _, after := range []int{0, 1, 7, 8} {
			around := func(s string) string {
				return strings.Repeat("~", before) + s + strings.Repeat("!", after)
			}
			for c := range 0x20 {
				if _, err := strictjson.Parse(`{"a":"` + around(string(rune(c))) + `"}`); err == nil {
					t.Errorf("control character %#x after %d bytes and before %d was accepted", c, before, after)
				}
			}
			for c := 0x80; c <= 0xff; c++ {
				if _, err := strictjson.Parse(`{"a":"` + around(string([]byte{byte(c)})) + `"}`); err == nil {
					t.Errorf("byte %#x after %d bytes and before %d was accepted", c, before, after)
				}
			}
			for c := rune(0x20); c < 0x80; c++ {
				raw := strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(string(c))
				if got, _ := member(t, `"`+around(raw)+`"`).Text(); got != around(string(c)) {
					t.Errorf("%q after %d bytes and before %d became %q", c, before, after, got)
				}
			}
		}
	}
}

func TestParseRefusesBrokenStrings(t *testing.T) {
	const (
		syntax    = "strictjson: invalid syntax at byte "
		encoding  = "strictjson: invalid UTF-8 at byte "
		surrogate = "strictjson: lone surrogate escape at byte "
	)
	refuseAll(t, []refusal{
		{"a string that never ends", `{"a":"b`, strictjson.ErrSyntax, syntax + "7"},
		{"a name that never ends", `{"a`, strictjson.ErrSyntax, syntax + "3"},
		{"a line break in a string", "{\"a\":\"b\n\"}", strictjson.ErrSyntax, syntax + "7"},
		{"a NUL in a name", "{\"a\x00\":1}", strictjson.ErrSyntax, syntax + "3"},
		{"an escape that JSON doesn't have", `{"a":"\x41"}`, strictjson.ErrSyntax, syntax + "6"},
		{"an escaped single quote", `{"a":"\'"}`, strictjson.ErrSyntax, syntax + "6"},
		{"an escape in capitals", `{"a":"\N"}`, strictjson.ErrSyntax, syntax + "6"},
		{"a capital U", `{"a":"\U0041"}`, strictjson.ErrSyntax, syntax + "6"},
		{"a backslash at the end of the document", `{"a":"\`, strictjson.ErrSyntax, syntax + "6"},
		{"three hex digits", `{"a":"\u004"}`, strictjson.ErrSyntax, syntax + "6"},
		{"hex digits cut off by the document's end", `{"a":"\u00`, strictjson.ErrSyntax, syntax + "6"},
		{"the character after f", `{"a":"\u00g0"}`, strictjson.ErrSyntax, syntax + "6"},
		{"the character before the digits", `{"a":"\u00/0"}`, strictjson.ErrSyntax, syntax + "6"},
		{"the character after the digits", `{"a":"\u00:0"}`, strictjson.ErrSyntax, syntax + "6"},
		{"the character before A", `{"a":"\u00@0"}`, strictjson.ErrSyntax, syntax + "6"},
		{"the character after F", `{"a":"\u00G0"}`, strictjson.ErrSyntax, syntax + "6"},
		{"the character before a", "{\"a\":\"\\u00`0\"}", strictjson.ErrSyntax, syntax + "6"},
		{"a sign among hex digits", `{"a":"\u+041"}`, strictjson.ErrSyntax, syntax + "6"},

		{"a stray byte", "{\"a\":\"\xff\"}", strictjson.ErrUTF8, encoding + "6"},
		{"a stray byte in a name", "{\"a\xff\":1}", strictjson.ErrUTF8, encoding + "3"},
		{"a stray byte in a nested name", "{\"a\":[{\"é\xff\":1}]}", strictjson.ErrUTF8, encoding + "10"},
		{"an overlong slash", "{\"a\":\"\xc0\xaf\"}", strictjson.ErrUTF8, encoding + "6"},
		{"an overlong NUL", "{\"a\":\"\xc0\x80\"}", strictjson.ErrUTF8, encoding + "6"},
		{"a surrogate in UTF-8 clothes", "{\"a\":\"\xed\xa0\x80\"}", strictjson.ErrUTF8, encoding + "6"},
		{"a character beyond U+10FFFF", "{\"a\":\"\xf4\x90\x80\x80\"}", strictjson.ErrUTF8, encoding + "6"},
		{"a character cut off by the quote", "{\"a\":\"é\xe2\x82\"}", strictjson.ErrUTF8, encoding + "8"},
		{"a character cut off by the document's end", "{\"a\":\"\xe2\x82", strictjson.ErrUTF8, encoding + "6"},

		{"half a pair", `{"a":"\ud800"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"the second half alone", `{"a":"\udc00"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"the halves the wrong way round", `{"a":"\udc00\ud800"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"the first half twice", `{"a":"\ud800\ud800"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"half a pair and another escape", `{"a":"\ud800\u0041"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"half a pair and a letter", `{"a":"\ud800x"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"half a pair and a broken escape", `{"a":"\ud800\udc0"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"a pair with something between", `{"a":"\ud800-\udc00"}`, strictjson.ErrSurrogate, surrogate + "6"},
		{"half a pair in a name", `{"\ud800":1}`, strictjson.ErrSurrogate, surrogate + "2"},
		{"a good pair and another half", `{"a":"\ud83d\ude00\ude00"}`, strictjson.ErrSurrogate, surrogate + "18"},
	})
}

// member returns the value that has raw for its text.
func member(t *testing.T, raw string) strictjson.Value {
	t.Helper()
	object, err := strictjson.Parse(`{"member":` + raw + `}`)
	if err != nil {
		t.Fatalf("Parse of %q: %v", raw, err)
	}
	v, ok := object.Member("member")
	if !ok || v.Raw() != raw {
		t.Fatalf("Member of %q: %q, %t", raw, v.Raw(), ok)
	}
	return v
}

// The second half of a pair is an escape too, and not merely something of its length.
func TestHalvesOfAPairThatAreNoEscapes(t *testing.T) {
	for _, text := range []string{`\ud83dxude00`, `\ud83d/ude00`, `\ud83d\xde00`, `\ud83d\\de00`, `\ud83d ude00`} {
		if _, err := strictjson.Parse(`{"a":"` + text + `"}`); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
