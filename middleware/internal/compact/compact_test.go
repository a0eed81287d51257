package compact_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestSplit(t *testing.T) {
	for name, row := range map[string]struct {
		token string
		want  error
	}{
		"three segments":              {"aa.bb.cc", nil},
		"nothing":                     {"", compact.ErrSegments},
		"no dot":                      {"aa", compact.ErrSegments},
		"one dot":                     {"aa.bb", compact.ErrSegments},
		"three dots":                  {"aa.bb.cc.dd", compact.ErrSegments},
		"four dots, a JWE":            {"aa.bb.cc.dd.ee", compact.ErrEncrypted},
		"four dots and nothing else":  {"....", compact.ErrEncrypted},
		"a JWE without encrypted key": {"aa..cc.dd.ee", compact.ErrEncrypted},
		"five dots":                   {"a.b.c.d.e.f", compact.ErrSegments},
		"six dots":                    {"a.b.c.d.e.f.g", compact.ErrSegments},
		"one dot alone":               {".", compact.ErrSegments},
		"two dots alone":              {"..", compact.ErrSegments},
		"an empty header":             {".bb.cc", compact.ErrSegments},
		"an empty payload":            {"aa..cc", compact.ErrSegments},
		"an empty signature":          {"aa.bb.", compact.ErrSegments},
		"two empty segments":          {".bb.", compact.ErrSegments},
		"a hundred thousand dots":     {strings.Repeat(".", 100_000), compact.ErrSegments},
		"a hundred thousand segments": {strings.Repeat("a.", 100_000) + "a", compact.ErrSegments},
	} {
		t.Run(name, func(t *testing.T) {
			jws, err := compact.Split(row.token)
			if !errors.Is(err, row.want) {
				t.Fatalf("error is %v, want %v", err, row.want)
			}
			if err == nil && (jws.Header != "aa" || jws.Payload != "bb" || jws.SigningInput != "aa.bb") {
				t.Errorf("segments are %+v", jws)
			}
			if err != nil && jws != (compact.JWS{}) {
				t.Errorf("beside an error: %+v", jws)
			}
		})
	}
}

// CVE-2025-30204, CVE-2025-27144, CVE-2025-22868: what is refused costs nothing.
func TestSplitAllocatesNothing(t *testing.T) {
	for name, token := range map[string]string{
		"dots": strings.Repeat(".", 100_000), "segments": "e30" + strings.Repeat(".e30", 100_000),
		"one segment": strings.Repeat("e", 1<<20),
	} {
		if n := testing.AllocsPerRun(10, func() {
			_, _ = compact.Split(token)
			compact.LooksJOSE(token)
			compact.HasEmptySegment(token)
		}); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// RFC 7515 section 2: base64url without padding, line breaks and white space; one spelling for each text.
func TestTextIsStrictBase64url(t *testing.T) {
	for name, row := range map[string]struct {
		segment, want string
		refused       bool
	}{
		"empty":                            {segment: ""},
		"three bytes":                      {segment: "YWJj", want: "abc"},
		"two bytes":                        {segment: "YWI", want: "ab"},
		"one byte":                         {segment: "YQ", want: "a"},
		"the last two of the alphabet":     {segment: "_-8", want: "\xff\xef"},
		"one character":                    {segment: "Y", refused: true},
		"five characters":                  {segment: "YWJjY", refused: true},
		"padding":                          {segment: "YQ==", refused: true},
		"half the padding":                 {segment: "YQ=", refused: true},
		"padding that is not needed":       {segment: "YWJj=", refused: true},
		"unused bits of the last 4":        {segment: "YR", refused: true},
		"unused bits of the last 2":        {segment: "YWJ", refused: true},
		"a plus sign":                      {segment: "YW+j", refused: true},
		"a slash":                          {segment: "YW/j", refused: true},
		"a space":                          {segment: "YW Jj", refused: true},
		"a line feed":                      {segment: "YW\nJj", refused: true},
		"a carriage return":                {segment: "YW\rJj", refused: true},
		"a line break at the end":          {segment: "YWJj\r\n", refused: true},
		"a line break at the beginning":    {segment: "\nYWJj", refused: true},
		"nothing but a line break":         {segment: "\n", refused: true},
		"a NUL":                            {segment: "YW\x00j", refused: true},
		"a byte beyond ASCII":              {segment: "YW\xc3\xa4", refused: true},
		"a dot":                            {segment: "YW.j", refused: true},
		"a full-width letter":              {segment: "YWＪj", refused: true},
		"an escape of a URL":               {segment: "YW%4Aj", refused: true},
		"white space that Unicode knows":   {segment: "YW\u2028Jj", refused: true},
		"padding in the middle of a group": {segment: "Y=WJj", refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := compact.Text(row.segment)
			if errors.Is(err, compact.ErrAlphabet) != row.refused || (err == nil) == row.refused || err == nil && got != row.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestSignatureIsDecodedStrictly(t *testing.T) {
	for signature, want := range map[string]error{
		"YWJj": nil, "YWI": nil, "YWJ": compact.ErrAlphabet, "YWI=": compact.ErrAlphabet, "YW\nJj": compact.ErrAlphabet,
		"Y": compact.ErrAlphabet,
	} {
		jws, err := compact.Split("aa.bb." + signature)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jws.Signature(); !errors.Is(err, want) {
			t.Errorf("signature %q: %v, want %v", signature, err, want)
		}
	}
}

func TestLooksJOSE(t *testing.T) {
	for name, row := range map[string]struct {
		token string
		want  bool
	}{
		"a header":                             {b64(`{"alg":"none"}`) + ".e30.AA", true},
		"a header alone":                       {b64(`{"alg":"none"}`), true},
		"an empty object":                      {"e30", true},
		"a brace alone":                        {b64("{"), true},
		"a brace and nonsense":                 {b64("{nonsense"), true},
		"white space after the brace":          {b64("{\r\n\t \"alg\":1}"), true},
		"text beyond ASCII":                    {b64(`{"ä":"€😀"}`), true},
		"a long header, text all the way":      {b64(`{"x":"` + strings.Repeat("ä€", 5000) + `"}`), true},
		"unused bits that are set":             {"e31", true},
		"nothing":                              {"", false},
		"a dot":                                {".", false},
		"no header":                            {".e30.AA", false},
		"an array":                             {b64("[]") + ".e30.AA", false},
		"null":                                 {b64("null") + ".e30.AA", false},
		"a space before the brace":             {b64(" {}") + ".e30.AA", false},
		"a BOM before the brace":               {b64("\xef\xbb\xbf{}") + ".e30.AA", false},
		"UTF-16":                               {b64("{\x00}\x00"), false},
		"one character":                        {"e", false},
		"no whole bytes":                       {"e30AA", false},
		"not base64url":                        {"e30+", false},
		"padding":                              {"e30=", false},
		"a UUID that begins like a brace":      {"e58ed763-928c-4155-bee9-fdbaaadc15f3", false},
		"a hexadecimal number of that kind":    {"e4d909c290d0fb1ca068ffaddf22cbd0", false},
		"random bytes after a brace":           {b64("{\x80\x01\xff" + strings.Repeat("\xfe", 20)), false},
		"a control character":                  {b64("{\x07}"), false},
		"the first 700 bytes are text, not 20": {b64("{" + strings.Repeat("a", 20) + "\xff" + strings.Repeat("a", 700)), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := compact.LooksJOSE(row.token); got != row.want {
				t.Errorf("got %t, want %t", got, row.want)
			}
		})
	}
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"", ".", "..", "aa.bb.cc", "e30.e30.AA", "a.b.c.d.e", "e30..", "aa.bb.cc=", "aa.b\nb.cc", "e58ed763-928c", strings.Repeat(".", 50),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		parts := strings.Split(token, ".") // another reading
		jws, err := compact.Split(token)
		fine := len(parts) == 3 && !slices.Contains(parts, "")
		if (err == nil) != fine || errors.Is(err, compact.ErrEncrypted) != (len(parts) == 5) {
			t.Fatalf("Split(%q) gives %v", token, err)
		}
		if got := compact.HasEmptySegment(token); got != slices.Contains(parts, "") {
			t.Fatalf("HasEmptySegment(%q) is %t", token, got)
		}
		for _, part := range parts {
			text, err := compact.Text(part)
			if err == nil && b64(text) != part {
				t.Fatalf("%q is a second spelling of %q", part, text)
			}
			if decoded, other := base64.RawURLEncoding.DecodeString(part); err != nil && other == nil && b64(string(decoded)) == part {
				t.Fatalf("%q is refused", part)
			}
		}
		sample, sampling := base64.RawURLEncoding.DecodeString(parts[0][:min(len(parts[0]), 256)]) // it judges by the beginning
		if compact.LooksJOSE(token) && (sampling != nil || !bytes.HasPrefix(sample, []byte("{"))) {
			t.Fatalf("%q is no JOSE object", token)
		}
		decoded, decoding := base64.RawURLEncoding.DecodeString(parts[0])
		if len(parts[0]) < 1000 && decoding == nil && utf8.Valid(decoded) && bytes.HasPrefix(decoded, []byte("{")) && bytes.IndexFunc(decoded, isControl) < 0 &&
			!strings.ContainsAny(parts[0], "\r\n") && !compact.LooksJOSE(token) {
			t.Fatalf("%q is a JOSE object", token)
		}
		if err == nil {
			if jws.Header != parts[0] || jws.Payload != parts[1] || jws.SigningInput != parts[0]+"."+parts[1] {
				t.Fatalf("segments of %q are %+v", token, jws)
			}
		}
	})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// LooksJOSE looks at 256 characters, which are 192 bytes.
func TestEdgesOfLooksJOSE(t *testing.T) {
	long := func(n int) string { return `{"alg":"` + strings.Repeat("a", n) }
	for _, row := range []struct {
		name, token string
		want        bool
	}{
		{"text that begins with another letter than a brace", b64(`xyz`) + ".a.b", false},
		{"no text but DEL, which no JSON writer leaves as it is", b64("{\x7f}"), false},
		{"the replacement character itself is text", b64("{\"\ufffd\"}"), true},
		{"a character that breaks off at the end", b64("{\"\xe2\x82"), false},
		{"a character that the limit cuts in two", b64(long(182) + "\xe2\x82\xac" + strings.Repeat("a", 90)), true},
		{"a byte that is no character, before the limit cuts", b64(long(100) + "\xff" + strings.Repeat("a", 100)), false},
		{"a byte that is no character, where the limit cuts", b64(long(183) + "\xff" + strings.Repeat("a", 90)), false},
		{"a letter beyond base64url", b64(`{"alg":"x"}`) + "~.a.b", false},
		{"a segment of a length that base64 has not, beyond the limit", b64(long(300))[:401], false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := compact.LooksJOSE(row.token); got != row.want {
				t.Errorf("LooksJOSE is %t, want %t", got, row.want)
			}
		})
	}
}

func TestHasEmptySegment(t *testing.T) {
	for token, want := range map[string]bool{"": true, ".": true, ".a": true, "a.": true, "a..b": true, "a": false, "a.b": false, "a.b.c.d": false} {
		if got := compact.HasEmptySegment(token); got != want {
			t.Errorf("%q has an empty segment: %t, want %t", token, got, want)
		}
	}
}
