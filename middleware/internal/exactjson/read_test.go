package exactjson_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/exactjson"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// everything has a field of every kind that is read in one pass.
type everything struct {
	Text   string             `json:"text"`
	Named  named1             `json:"named"`
	Yes    bool               `json:"yes"`
	Small  int8               `json:"small"`
	Large  int64              `json:"large"`
	Byte   uint8              `json:"byte"`
	Number uint64             `json:"number"`
	Single float32            `json:"single"`
	Double float64            `json:"double"`
	Texts  []string           `json:"texts"`
	Lists  [][]named1         `json:"lists"`
	Words  map[string]string  `json:"words"`
	Any    any                `json:"any"`
	Anys   map[string]any     `json:"anys"`
	Itself *everything        `json:"itself"`
	Plenty []everything       `json:"plenty"`
	Inside struct{ A, B int } `json:"inside"`
	Time   time.Time          `json:"time"`
	Until  *time.Time         `json:"until"`
	Raw    json.RawMessage    `json:"raw"`
	Deep   map[string]*inner1 `json:"deep"`
	inner1
	Empty string `json:",omitempty"`
}

type named1 string

type inner1 struct {
	X string `json:"x"`
	Y []int  `json:"y"`
}

// same decodes in one pass and as encoding/json does, by exact names, and compares.
func same[T any](t *testing.T, text string) {
	t.Helper()
	var got, want T
	gotErr, wantErr := exactjson.DecodeText(text, &got), exactjson.Decode([]byte(text), &want)
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
		t.Errorf("%s\ngot  %+v (%v)\nwant %+v (%v)", text, got, gotErr, want, wantErr)
	}
}

func TestOnePassReadsWhatEncodingJSONDoes(t *testing.T) {
	values := []string{
		`null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `127`, `128`, `255`, `256`, `1.0`, `1e2`, `-1.5e-3`, `1e400`, `3.5e38`, `9223372036854775807`, `9223372036854775808`,
		`18446744073709551615`, `18446744073709551616`, `""`, `"a"`, `"\\"`, `"\"a\\\""`, `"\\\\\""`, `"é"`, `"\u00e9\ud83d\ude00"`, `"\ud800"`, `"2026-11-29T12:00:00Z"`, `"YWI="`,
		`[]`, `[ ]`, `["a","b\n",null]`, `["a",1]`, `[[],["a"],null]`, `[null]`, `[1,2.5,"x",{"a":[true]}]`, `[{"text":"a"},null,{"itself":{"text":"b"},"TEXT":"c"}]`,
		`{}`, `{ "a" : "b" }`, `{"a":null}`, `{"a":1,"\u0062":"c"}`, `{"A":1,"B":2,"a":3}`, `{"x":"a","y":[1,2],"X":"b"}`, `{"k":{"x":"a"},"l":null}`,
		`{"x":"a","y":[1,2,3,4,5,6,7,8,9]}`, `["a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","s"]`, `[[1],[2],[3],[4],[5],[6]]`,
		`[true,false,null,true,false]`, `"127.0.0.1"`, `{"A":true,"B":false,"C":null,"D":[true,false,null],"E":"\\u0022","F":"é\\n"}`,
		`{"text":"a","texts":["b"],"inside":{"A":1,"b":2},"plenty":[{"large":1}]}`,
	}
	typ := reflect.TypeFor[everything]()
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		for _, value := range values {
			same[everything](t, fmt.Sprintf(`{"other":[{"}":"]"}],%q:%s,"text":"end","unknown":%s}`, name, value, value))
			same[everything](t, fmt.Sprintf(" {\n%q : %s\t} ", name, value))
		}
	}
	for _, value := range values {
		same[any](t, value)
		same[map[string]any](t, value)
		same[map[string]string](t, value)
		same[[]string](t, value)
		same[*inner1](t, value)
		same[string](t, value)
		same[withArray](t, `{"A":`+value+`}`)
		same[withBytes](t, `{"A":`+value+`}`)
		same[quoted](t, `{"a":`+value+`}`)
		same[withNumber](t, `{"A":`+value+`}`)
		same[withMethods](t, `{"A":`+value+`}`)
		same[withTextOfItsOwn](t, `{"B":`+value+`}`)
		same[throughPointer](t, `{"x":`+value+`}`)
		same[Exported](t, `{"X":`+value+`}`)
		same[withKeys](t, `{"A":`+value+`}`)
		same[map[key]int](t, value)
		same[bool](t, value)
		same[[]bool](t, value)
		same[own](t, value)
		same[struct{ A own }](t, `{"A":`+value+`}`)
	}
	for _, odd := range []string{`{"text":"a","text":"b"}`, `{"itself":{"text":"a"},"itself":{"large":1}}`, `{"anys":{"a":1,"a":2}}`} { // no token has these
		same[everything](t, odd)
	}
	for _, broken := range []string{
		``, `{`, `{"text"`, `{"text":`, `{"text":"a`, `{"text":"a\`, `{"text":"a"`, `{"text":"a",}`, `{"text":"a"}x`, `{"texts":["a"`,
		`{"texts":["a",`, `{"x":[{`, `{"raw":`, `{"raw":"`, `{"raw":{"`, `{"large":}`, `{"yes":tru`,
	} {
		same[everything](t, broken) // nobody has vetted it, and it is refused all the same
	}
}

type (
	withArray      struct{ A [2]string }
	withBytes      struct{ A []byte }
	withNumber     struct{ A json.Number }
	withKeys       struct{ A map[int]string }
	throughPointer struct{ *inner1 }
	withMethods    struct{ A fmt.Stringer }

	withTextOfItsOwn struct{ B netip.Addr }

	key      string
	Inner2   struct{ X string }
	Exported struct{ *Inner2 }
)

type quoted struct {
	A int `json:"a,string"`
}

// encoding/json decodes into what is there.
func TestOnePassLeavesWhatStandsThereToEncodingJSON(t *testing.T) {
	got := everything{Words: map[string]string{"old": "kept"}, Itself: &everything{Large: 7}}
	if err := exactjson.DecodeText(`{"words":{"new":"added"},"itself":{"text":"a"}}`, &got); err != nil {
		t.Fatal(err)
	}
	if got.Words["old"] != "kept" || got.Words["new"] != "added" || got.Itself.Large != 7 || got.Itself.Text != "a" {
		t.Errorf("%+v, %+v", got, got.Itself)
	}
	var none *everything
	for _, into := range []any{nil, none, everything{}, 7} {
		if exactjson.DecodeText(`{}`, into) == nil {
			t.Errorf("%T is decoded into", into)
		}
	}
}

func TestOnePassAllocatesOnlyWhatIsKept(t *testing.T) {
	const text = `{"text":"a","large":1,"inside":{"A":1},"texts":["a","b"],"words":{"a":"b"},"other":{"x":[1,2,"3"]}}`
	into := new(struct {
		Text   string            `json:"text"`
		Large  int64             `json:"large"`
		Inside struct{ A int }   `json:"inside"`
		Texts  []string          `json:"texts"`
		Words  map[string]string `json:"words"`
	})
	got := testing.AllocsPerRun(100, func() {
		*into = *new(struct {
			Text   string            `json:"text"`
			Large  int64             `json:"large"`
			Inside struct{ A int }   `json:"inside"`
			Texts  []string          `json:"texts"`
			Words  map[string]string `json:"words"`
		})
		if err := exactjson.DecodeText(text, into); err != nil {
			t.Fatal(err)
		}
	})
	if got > 8 { // the list, the map and what stands in it, the value that goes in
		t.Errorf("%v allocations", got)
	}
}

type largeElement struct {
	Name string `json:"name"`

	Text01, Text02, Text03, Text04, Text05, Text06, Text07, Text08, Text09, Text10, Text11, Text12, Text13, Text14, Text15, Text16 string
}

// Claims may be many short lists, and what they are decoded into large: their room is not for the token to multiply.
func TestOnePassTakesNoMoreRoomThanEncodingJSON(t *testing.T) {
	type lists struct {
		Lists  [][]largeElement          `json:"lists"`
		Ints   [][]int                   `json:"ints"`
		ByName map[string][]largeElement `json:"by_name"`
	}
	taken := func(decode func(text string, v any) error, text string) uint64 {
		var before, after runtime.MemStats
		into := new(lists)
		_ = decode(text, into) // what is known of the type is made
		*into = lists{}
		runtime.ReadMemStats(&before)
		if err := decode(text, into); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	many := func(text string) string { return strings.TrimSuffix(strings.Repeat(text+",", 2000), ",") }
	for name, text := range map[string]string{
		"empty lists of lists":   `{"lists":[` + many("[]") + `]}`,
		"lists of one":           `{"lists":[` + many("[{}]") + `]}`,
		"lists of two":           `{"lists":[` + many("[{},{}]") + `]}`,
		"empty lists of numbers": `{"ints":[` + many("[]") + `]}`,
		"an empty list by name":  `{"by_name":{"a":[],"b":[],"c":[],"d":[],"e":[],"f":[],"g":[],"h":[]}}`,
		"one element by name":    `{"by_name":{"a":[{}],"b":[{}],"c":[{}],"d":[{}],"e":[{}],"f":[{}]}}`,
	} {
		got := taken(exactjson.DecodeText, text)
		want := taken(func(text string, v any) error { return json.Unmarshal([]byte(text), v) }, text)
		if got > want+want/4+1024 {
			t.Errorf("%s: %d bytes for a text of %d, encoding/json takes %d", name, got, len(text), want)
		}
	}
}

func FuzzOnePass(f *testing.F) {
	for _, seed := range []string{
		`{"text":"a","itself":{"texts":["\u0061",null],"any":[1,{"b":"c"}]},"plenty":[{"raw":{"x": 1}},{"time":"2026-11-29T12:00:00Z"}]}`,
		`{"small":127,"byte":-1,"single":1e39,"words":{"a":1},"deep":{"k":{"x":"a"}},"x":"y","y":[1]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := strictjson.Parse(text); err != nil {
			return // what is decoded has been vetted
		}
		same[everything](t, text)
		same[any](t, text)
	})
}
