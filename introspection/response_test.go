package introspection_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
)

func TestParseResponse(t *testing.T) {
	deep := func(levels int) string {
		return `{"active":true,"x":` + strings.Repeat(`[`, levels-1) + strings.Repeat(`]`, levels-1) + `}`
	}
	tests := []struct {
		name, text string
		active, ok bool
	}{
		{"active", `{"active":true}`, true, true},
		{"active with white space", " {\n\"active\" :\ttrue } \r\n", true, true},
		{"inactive", `{"active":false}`, false, true},
		{"inactive, other members ignored", `{"active":false,"scope":"admin","exp":"x","nbf":null}`, false, true},
		{"all dates", `{"active":true,"exp":1.7e9,"nbf":1700000000.5,"iat":-1}`, true, true},
		{"a number in a member of one's own that float64 cannot hold", `{"active":true,"x":1e400}`, true, true},
		{"64 levels", deep(64), true, true},
		{"null dates are absent", `{"active":true,"exp":null,"nbf":null,"iat":null,"sub":null}`, true, true},
		{"names of others in two cases", `{"active":true,"tenant":1,"Tenant":2,"x":[{"a":1,"A":2}]}`, true, true},
		{"names that are not read here, in other cases", `{"active":true,"sub":"alice","ſub":"admin","SCOPE":"admin"}`, true, true},
		{"active in another case, further down", `{"active":true,"x":{"ACTIVE":false,"Exp":1}}`, true, true},
		{"a name in two objects", `{"active":true,"cnf":{"active":false},"x":[{"a":1},{"a":2}]}`, true, true},
		{"a string equal to a name", `{"active":true,"x":["x","x"],"y":"x"}`, true, true},
		{"a character outside the basic plane as escapes", `{"active":true,"x":"\ud83d\ude00 \\ud800"}`, true, true},

		{"empty", ``, false, false},
		{"white space only", "  ", false, false},
		{"null", `null`, false, false},
		{"true", `true`, false, false},
		{"an array", `[{"active":true}]`, false, false},
		{"HTML", `<html>`, false, false},
		{"truth as text", `{"active":"true"}`, false, false},
		{"truth as number", `{"active":1}`, false, false},
		{"truth as object", `{"active":{}}`, false, false},
		{"null as truth", `{"active":null}`, false, false},
		{"active missing", `{"sub":"alice"}`, false, false},
		{"active inside", `{"x":{"active":true}}`, false, false},
		{"active in another case", `{"Active":true}`, false, false},
		{"active twice, false first", `{"active":false,"active":true}`, false, false},
		{"active twice, true first", `{"active":true,"active":false}`, false, false},
		{"active twice, once with an escape", `{"active":false,"\u0061ctive":true}`, false, false},
		{"active and its twin in capitals", `{"active":true,"ACTIVE":false}`, false, false},
		{"an inactive answer with a twin", `{"active":false,"ACTIVE":true}`, false, false},
		{"sub twice", `{"active":true,"sub":"alice","sub":"admin"}`, false, false},
		{"EXP beside exp", `{"active":true,"exp":1700000000,"EXP":1}`, false, false},
		{"Nbf alone", `{"active":true,"Nbf":1}`, false, false},
		{"iAt alone", `{"active":true,"iAt":1}`, false, false},
		{"an unregistered name twice", `{"active":true,"tenant":1,"tenant":2}`, false, false},
		{"a name twice further down", `{"active":true,"cnf":{"jkt":"a","jkt":"b"}}`, false, false},
		{"a name twice inside an array", `{"active":true,"x":[1,{"a":1,"a":2}]}`, false, false},
		{"data after the object", `{"active":true}{"active":false}`, false, false},
		{"text after the object", `{"active":true}x`, false, false},
		{"two byte order marks", "\ufeff\ufeff" + `{"active":true}`, false, false},
		{"a byte order mark behind white space", " \ufeff" + `{"active":true}`, false, false},
		{"a byte order mark and nothing", "\ufeff", false, false},
		{"a comma too many", `{"active":true,}`, false, false},
		{"bytes that are no text", "{\"active\":true,\"sub\":\"\xff\"}", false, false},
		{"half a surrogate pair", `{"active":true,"sub":"\ud800"}`, false, false},
		{"the wrong half", `{"active":true,"sub":"\udc00\ud800"}`, false, false},
		{"half a pair before another escape", `{"active":true,"sub":"\ud800\u0041"}`, false, false},
		{"half a pair in a name", `{"active":true,"\udead":1}`, false, false},
		{"65 levels", deep(65), false, false},
		{"20 000 levels", deep(20000), false, false},
		{"exp as text", `{"active":true,"exp":"1700000000"}`, false, false},
		{"exp beyond every integer", `{"active":true,"exp":9e300}`, false, false},
		{"exp beyond every float", `{"active":true,"exp":1e400}`, false, false},
		{"exp in milliseconds", `{"active":true,"exp":1700000000000000}`, false, false},
		{"exp in the year 10000", `{"active":true,"exp":253402300800}`, false, false},
		{"exp before year 1", `{"active":true,"exp":-62135596801}`, false, false},
		{"exp as Go's zero time, which would mean none", `{"active":true,"exp":-62135596800}`, false, false},
		{"nbf as text", `{"active":true,"nbf":"0"}`, false, false},
		{"nbf that wraps into the past", `{"active":true,"nbf":1e300}`, false, false},
		{"iat as an object", `{"active":true,"iat":{}}`, false, false},
		{"more than 64 KiB", `{"active":true}` + strings.Repeat(" ", 64<<10), false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, err := introspection.ParseResponse([]byte(test.text))
			if !test.ok {
				mustBeUnavailable(t, response, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if response.Active() != test.active {
				t.Errorf("Active = %v", response.Active())
			}
			want := `{}`
			if test.active {
				want = strings.TrimSpace(test.text)
			}
			var raw json.RawMessage
			if err := response.Claims(&raw); err != nil || string(raw) != want {
				t.Errorf("claims %s, want %s (%v)", raw, want, err)
			}
		})
	}
}

func TestResponseCannotBeChanged(t *testing.T) {
	body := []byte(`{"active":true,"sub":"alice"}`)
	response, err := introspection.ParseResponse(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	var raw json.RawMessage
	if err := response.Claims(&raw); err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if err := response.Claims(new(vandal)); err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	if err := response.Claims(&claims); err != nil || claims.Sub != "alice" {
		t.Errorf("sub %q, error %v", claims.Sub, err)
	}
}

func TestByteOrderMarkIsSkipped(t *testing.T) {
	for text, active := range map[string]bool{`{"active":true,"sub":"alice"}`: true, " " + `{"active":false}`: false} {
		response, err := introspection.ParseResponse([]byte("\ufeff" + text))
		if err != nil || response.Active() != active {
			t.Fatalf("active %t (%v), want %t", response.Active(), err, active)
		}
		var raw json.RawMessage
		if err := response.Claims(&raw); err != nil || active && string(raw) != text {
			t.Errorf("claims %q (%v)", raw, err)
		}
	}
}

// vandal overwrites what it is given to decode.
type vandal struct{}

func (*vandal) UnmarshalJSON(text []byte) error { clear(text); return nil }

func TestResponseThatIsNone(t *testing.T) {
	for _, response := range []*introspection.Response{nil, {}} {
		claims := map[string]any{}
		if err := response.Claims(&claims); response.Active() || err != nil || len(claims) != 0 {
			t.Errorf("active %v, claims %v, error %v", response.Active(), claims, err)
		}
	}
}

func TestClaimsThatDoNotFit(t *testing.T) {
	response, _ := introspection.ParseResponse([]byte(activeText))
	var claims struct {
		Sub int `json:"sub"`
	}
	if err := response.Claims(&claims); err == nil || !strings.HasPrefix(err.Error(), "introspection: ") {
		t.Errorf("error %v", err)
	}
	if err := response.Claims(nil); err == nil {
		t.Error("nil was accepted")
	}
}

// What is accepted must read alike: here with encoding/json into a map of exact names, with Claims into a struct, and token by
// token, which alone sees a name twice.
func FuzzParseResponse(f *testing.F) {
	for _, seed := range []string{
		`{"active":true,"sub":"alice","exp":1700000000,"scope":"a b","aud":["x"],"cnf":{"jkt":"y"}}`, `{"active":false}`,
		`{"active":true,"SUB":"x"}`, `{"active":true,"sub":"x","ſub":"y"}`, `{"active":true,"active":true}`, `{"active":true,"x":"\ud83d\ude00"}`,
		`{"active":true,"x":{"a":1,"A":2}}`, `{"active":true,"x":"\ud800"}`, `{"active":true,"exp":1e400}`, `null`, ``, `[]`, "{\"active\":true,\"\xff\":1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		response, err := introspection.ParseResponse(body)
		if err != nil {
			mustBeUnavailable(t, response, err)
			return
		}
		var exact map[string]any
		if err := json.Unmarshal(body, &exact); errors.As(err, new(*json.UnmarshalTypeError)) {
			return // a number that float64 cannot hold, in a member that nobody reads
		} else if err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if exact["active"] != response.Active() {
			t.Fatalf("active: %v, but encoding/json reads %v", response.Active(), exact["active"])
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.Token()
		for names := []string(nil); decoder.More(); {
			token, _ := decoder.Token()
			name := token.(string)
			if slices.Contains(names, name) {
				t.Fatalf("name %q twice", name)
			}
			names = append(names, name)
			var skipped json.RawMessage
			decoder.Decode(&skipped)
		}
		if !response.Active() {
			return
		}
		var loose struct {
			Sub   any `json:"sub"`
			Iss   any `json:"iss"`
			Scope any `json:"scope"`
			Exp   any `json:"exp"`
			Aud   any `json:"aud"`
			Cnf   any `json:"cnf"`
		}
		if err := response.Claims(&loose); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]any{"sub": loose.Sub, "iss": loose.Iss, "scope": loose.Scope, "exp": loose.Exp, "aud": loose.Aud, "cnf": loose.Cnf} {
			want, _ := json.Marshal(exact[name])
			if got, _ := json.Marshal(value); !bytes.Equal(got, want) {
				t.Fatalf("%s reads as %s in a struct and as %s by exact name", name, got, want)
			}
		}
		if exp, present := exact["exp"]; present {
			if seconds, isNumber := exp.(float64); !isNumber || seconds < -62135596800 || seconds >= 253402300800 {
				t.Fatalf("exp %v", exp)
			}
		}
	})
}

// errors.As of another package may not expect a nil among what it unwraps.
func TestErrorsWrapNoNil(t *testing.T) {
	_, err := introspection.ParseResponse([]byte("{}"))
	for _, wrapped := range err.(interface{ Unwrap() []error }).Unwrap() {
		if wrapped == nil {
			t.Errorf("%v wraps nil", err)
		}
	}
}

func TestTextThatReadersReadDifferently(t *testing.T) {
	for _, row := range []struct {
		name, text string
		ok         bool
	}{
		{"active twice, with an array before", `{"x":[],"active":true,"active":false}`, false},
		{"active twice, with an object before", `{"x":{},"active":true,"active":false}`, false},
		{"many arrays beside each other, which is no depth", `{"active":true,"x":[` + strings.Repeat("[],", 100) + `[]]}`, true},
		{"half a pair right behind another escape", `{"active":true,"sub":"\n\ud800"}`, false},
		{"half a pair behind an escaped backslash", `{"active":true,"sub":"\\\ud800"}`, false},
		{"an escaped backslash and letters that look like half a pair", `{"active":true,"sub":"\\ud800"}`, true},
		{"a line break and digits that look like half a pair", `{"active":true,"sub":"\nd800"}`, true},
		{"two low halves", `{"active":true,"sub":"\udc00\udc00"}`, false},
		{"two high halves", `{"active":true,"sub":"\ud800\ud800"}`, false},
		{"a high half and a character beyond the low ones", `{"active":true,"sub":"\ud800\ue000"}`, false},
		{"a high half and letters that look like a low one", `{"active":true,"sub":"\ud800xudc00"}`, false},
		{"a high half and a line break before such digits", `{"active":true,"sub":"\ud800\ndc00"}`, false},
		{"a pair", `{"active":true,"sub":"\ud83d\ude00"}`, true},
		{"escapes below and above the halves", `{"active":true,"sub":"\u0061\ud7ff\ue000\uffff"}`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := introspection.ParseResponse([]byte(row.text))
			if row.ok != (err == nil) || r.Active() != row.ok {
				t.Errorf("%s: active %t, error %v", row.text, r.Active(), err)
			}
			if err != nil && !errors.Is(err, introspection.ErrUnavailable) {
				t.Errorf("error %v is not ErrUnavailable", err)
			}
		})
	}
}

// SECURITY.md states the limit.
func TestLimitOfAnswers(t *testing.T) {
	for _, row := range []struct {
		length int
		judged bool
	}{{64 << 10, true}, {64<<10 + 1, false}} {
		begin := `{"active":true,"padding":"`
		text := begin + strings.Repeat("x", row.length-len(begin)-2) + `"}`
		client := newClient(t, introspection.Config{}, &transport{serve: answers(text)})
		response, err := client.Introspect(t.Context(), "token")
		if judged := err == nil && response.Active(); judged != row.judged {
			t.Errorf("%d bytes: judged %v (%v), want %v", len(text), judged, err, row.judged)
		}
		if _, err := introspection.ParseResponse([]byte(text)); (err == nil) != row.judged {
			t.Errorf("%d bytes: ParseResponse: %v", len(text), err)
		}
	}
}
