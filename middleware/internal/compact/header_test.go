package compact_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

func TestHeaderMembers(t *testing.T) {
	for text, want := range map[string]compact.Header{
		`{"alg":"ES256"}`:                                                       {Algorithm: "ES256"},
		`{"alg":"ES256","kid":"a","typ":"at+jwt"}`:                              {"ES256", "a", "at+jwt"},
		`{"typ":"application/AT+JWT","kid":"","alg":"x"}`:                       {Algorithm: "x", Type: "at+jwt"},
		`{"\u0061lg":"\u0045S256","k\u0069d":"ä\ud83d\ude00"}`:                  {Algorithm: "ES256", KeyID: "ä😀"},
		" {\"alg\" :\t\"ES256\"\r\n} ":                                          {Algorithm: "ES256"},
		`{"alg":"ES256","jwk":{"kid":"b"},"jku":1,"x5c":[null]}`:                {Algorithm: "ES256"},
		`{"alg":"ES256","x":{"alg":"none","crit":[]},"":0}`:                     {Algorithm: "ES256"},
		`{"alg":"ES256","kid":"` + strings.Repeat("k", compact.MaxKeyID) + `"}`: {Algorithm: "ES256", KeyID: strings.Repeat("k", compact.MaxKeyID)},
	} {
		got, err := compact.ParseHeader(b64(text))
		if err != nil || got != want {
			t.Errorf("header %s is %+v, %v", text, got, err)
		}
	}
}

func TestHeaderRefusals(t *testing.T) {
	rows := map[string]error{
		`{}`: compact.ErrAlgorithm, `{"alg":null}`: compact.ErrAlgorithm, `{"alg":""}`: compact.ErrAlgorithm,
		`{"alg":["ES256"]}`: compact.ErrAlgorithm, `{"alg":1}`: compact.ErrAlgorithm,
		`{"alg":"a","kid":1}`: compact.ErrMember, `{"alg":"a","kid":null}`: compact.ErrMember,
		`{"alg":"a","kid":["x"]}`: compact.ErrMember, `{"alg":"a","typ":null}`: compact.ErrMember,
		`{"typ":"","alg":"a"}`: compact.ErrType, `{"alg":"a","typ":""}`: compact.ErrType,
		`{"alg":"a","typ":{}}`: compact.ErrMember, `{"alg":"a","kid":"` + strings.Repeat("k", compact.MaxKeyID+1) + `"}`: compact.ErrKeyID,
		`{"alg":"a","kid":"` + strings.Repeat(`\u006b`, compact.MaxKeyID+1) + `"}`: compact.ErrKeyID,
		`{"alg":"a","alg":"a"}`: strictjson.ErrDuplicate, `{"alg":"a","ALG":"a"}`: compact.ErrMember, `{"alg":"a","\u0061lg":"a"}`: strictjson.ErrDuplicate,
		`{"alg":"a","kid":"a","kid":"b"}`: strictjson.ErrDuplicate, `{"alg":"a","x":{"y":1,"y":2}}`: strictjson.ErrDuplicate,
		`{"alg":"a"}{}`: strictjson.ErrSyntax, `{"alg":"a"} x`: strictjson.ErrSyntax, `[{"alg":"a"}]`: strictjson.ErrSyntax,
		`null`: strictjson.ErrSyntax, `{"alg":"a",}`: strictjson.ErrSyntax,
		`{"alg":NaN}`: strictjson.ErrSyntax, "{\"alg\":\"\xff\"}": strictjson.ErrUTF8, `{"alg":"\ud800"}`: strictjson.ErrSurrogate,
		"": strictjson.ErrSyntax, "\xef\xbb\xbf{}": strictjson.ErrSyntax,
		`{"alg":"a","x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`: strictjson.ErrDepth,
	}
	for _, name := range []string{"ALG", "Alg", "aLg", "KID", "Kid", "\u212aid", "Typ", "CRIT", "Crit", "B64", "CTY"} {
		first := `"alg":"a",`
		if strings.EqualFold(name, "alg") {
			first = "" // a twin of alg would be a duplicate
		}
		rows[`{`+first+`"`+name+`":"x"}`] = compact.ErrMember
	}
	for _, value := range []string{"JWT", "jwt", "application/jwt", "Application/JWT"} {
		rows[fmt.Sprintf(`{"alg":"a","cty":%q}`, value)] = compact.ErrExtension
	}
	for _, name := range []string{"crit", "b64"} {
		for _, value := range []string{"null", "[]", `["x"]`, "true", "false", `""`, `"JWT"`, "1", "{}"} {
			rows[fmt.Sprintf(`{"alg":"a",%q:%s}`, name, value)] = compact.ErrExtension
		}
	}
	for text, want := range rows {
		got, err := compact.ParseHeader(b64(text))
		if !errors.Is(err, want) || got != (compact.Header{}) {
			t.Errorf("header %.80s gives %+v, %v, want %v", text, got, err, want)
		}
	}
	if _, err := compact.ParseHeader("e30="); !errors.Is(err, compact.ErrAlphabet) {
		t.Errorf("padding gives %v", err)
	}
}

func TestMediaType(t *testing.T) {
	for typ, want := range map[string]string{
		"": "", "at+jwt": "at+jwt", "AT+JWT": "at+jwt", "application/at+jwt": "at+jwt",
		"APPLICATION/At+Jwt": "at+jwt", "JWT": "jwt", "application/": "application/", "application": "application",
		"application/a/b": "application/a/b", "application/application/jwt": "application/application/jwt", "text/jwt": "text/jwt", "/jwt": "/jwt",
		" jwt": " jwt", "at+\u212aJWT": "at+\u212ajwt", "ÄT": "Ät",
	} {
		if got := compact.MediaType(typ); got != want {
			t.Errorf("%q is %q, want %q", typ, got, want)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, seed := range []string{
		`{"alg":"ES256","kid":"a","typ":"at+jwt"}`, `{"alg":"a","alg":"b"}`, `{"ALG":"a"}`, `{"alg":"a","crit":["b64"],"b64":false}`,
		`{"alg":"\u0061"}`, `{}`, `[]`, `{"alg":"a","typ":"application/JWT"}`, `{"alg":"a","typ":"","zip":"DEF","cty":"json"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		header, err := compact.ParseHeader(b64(text))
		if err != nil {
			if header != (compact.Header{}) {
				t.Fatalf("beside an error: %+v", header)
			}
			return
		}
		var exact map[string]any // encoding/json as two other readers: names exact, and names without case
		var loose struct{ Alg, Kid, Typ, Crit, B64, Cty any }
		if json.Unmarshal([]byte(text), &exact) != nil || json.Unmarshal([]byte(text), &loose) != nil {
			t.Fatalf("%q is accepted and no JSON", text)
		}
		kid, _ := exact["kid"].(string)
		looseKid, _ := loose.Kid.(string)
		typ, _ := loose.Typ.(string)
		if exact["alg"] != header.Algorithm || loose.Alg != header.Algorithm || kid != header.KeyID || looseKid != kid || compact.MediaType(typ) != header.Type {
			t.Fatalf("%q is read as %+v, by others as %+v", text, header, loose)
		}
		if _, present := exact["typ"]; present && typ == "" {
			t.Fatalf("%q has an empty typ", text)
		}
		cty, _ := loose.Cty.(string)
		if loose.Crit != nil || loose.B64 != nil || compact.MediaType(cty) == "jwt" {
			t.Fatalf("%q has an extension", text)
		}
	})
}

func TestFirstOfTwoHeaderFaultsDecides(t *testing.T) {
	for text, want := range map[string]error{
		`{"alg":"a","kid":1,"crit":[]}`: compact.ErrMember,
		`{"alg":"a","crit":[],"kid":1}`: compact.ErrExtension,
	} {
		if _, err := compact.ParseHeader(b64(text)); !errors.Is(err, want) {
			t.Errorf("header %s gives %v, want %v", text, err, want)
		}
	}
}
