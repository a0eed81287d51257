package differential_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// member is one member of a JSON object, name and value as they are spelt: with quotes, and not necessarily right.
type member struct{ name, value string }

// document is a JSON object on its way to being spelt oddly.
type document struct {
	members []member
	around  func(object string) string // nil: nothing
	space   func() string              // between tokens; nil: nothing
}

func (d document) String() string {
	gap := func() string { return "" }
	if d.space != nil {
		gap = d.space
	}
	var b strings.Builder
	b.WriteString("{")
	for i, m := range d.members {
		if i > 0 {
			b.WriteString("," + gap())
		}
		b.WriteString(m.name + gap() + ":" + gap() + m.value + gap())
	}
	b.WriteString("}")
	if d.around != nil {
		return d.around(b.String())
	}
	return b.String()
}

func (d *document) insert(r *rand.Rand, m member) {
	at := r.IntN(len(d.members) + 1)
	d.members = append(d.members[:at:at], append([]member{m}, d.members[at:]...)...)
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// change is one class of change to a document.
type change struct {
	class string
	apply func(r *rand.Rand, d *document)
}

var changes = []change{
	{"twins", twins}, {"names", names}, {"types", types}, {"numbers", numbers}, {"spellings", spellings}, {
		"whitespace", whitespace,
	}, {"structure", structure}, {"members", members},
}

var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "alg", "kid", "typ", "crit", "cnf", "scope", "client_id", "x"}

// twins puts a member in twice, under the same name or an equal one.
func twins(r *rand.Rand, d *document) {
	m := pick(r, d.members)
	twin := member{m.name, pick(r, []string{m.value, `"x"`, `1`, `null`, `["` + audience + `"]`, `"` + rival + `"`})}
	switch r.IntN(3) {
	case 0:
		twin.name = escaped(r, m.name)
	case 1:
		twin = member{`"x"`, "{" + m.name + ":" + m.value + "," + m.name + ":" + twin.value + "}"}
	}
	d.insert(r, twin)
}

// names changes the case of a name, adds a lookalike of one, or renames a member.
func names(r *rand.Rand, d *document) {
	i := r.IntN(len(d.members))
	lookalike := folded(r, d.members[i].name)
	if r.IntN(3) == 0 {
		lookalike = folded(r, `"`+pick(r, registered)+`"`)
	}
	switch r.IntN(4) {
	case 0:
		d.members[i].name = lookalike
	case 1:
		d.members[i].name = pick(r, []string{`""`, `" iss"`, `"iss "`, `"iss\u0000"`, `"issuer"`, `"i\u0073s"`})
	default:
		d.insert(r, member{lookalike, pick(r, []string{d.members[i].value, `"x"`, "0"})})
	}
}

// folded is the name in another case, the kinds that only Unicode knows included.
func folded(r *rand.Rand, name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case r.IntN(2) == 0:
			return c
		case c == 's':
			return pick(r, []rune{'S', 'ſ'})
		case c == 'k':
			return pick(r, []rune{'K', '\u212a'})
		case 'a' <= c && c <= 'z':
			return c - 'a' + 'A'
		}
		return c
	}, name)
}

var zoo = []string{
	"null", "true", "false", "0", "1", "-1", `""`, `"x"`, "[]", "{}", "[null]", `[""]`, `[[]]`, `[1]`, `[{}]`, `{"":null}`, `"null"`, `"0"`, `" "`,
	`["` + audience + `"]`, `["x","` + audience + `"]`, `["` + audience + `",1]`, `["` + audience + `",null]`, `{"` + audience + `":true}`, `["` + audience + `","` + audience + `"]`,
	`[["` + audience + `"]]`, `"` + audience + ` x"`, `"` + audience + `/"`, `["` + issuerA + `"]`, `"` + issuerA + `"`, `"` + rival + `"`, `"none"`, `"JWT"`, `"at+jwt"`, `"application/at+jwt"`,
}

func types(r *rand.Rand, d *document) {
	d.members[r.IntN(len(d.members))].value = pick(r, zoo)
}

// numbers gives a date another shape, or a member a number for a value.
func numbers(r *rand.Rand, d *document) {
	at := now.Unix() + pick(r, []int64{-1 << 32, -3600, -31, -30, -29, -1, 0, 1, 29, 30, 31, 3600, 1 << 32})
	digits := fmt.Sprint(at)
	spelt := pick(r, []string{
		digits, digits + ".0", digits + ".5", digits + ".999999999", digits + "e0", digits + "E+0", digits + "00e-2", digits[:1] + "." + digits[1:] + "e" + fmt.Sprint(
			len(digits)-1,
		),
		"-" + digits, "+" + digits, "0" + digits, digits + ".", "." + digits, digits + "e", digits + "e+", `"` + digits + `"`, "0x" + digits, digits + "000", digits + "n", "-0", "0", "0.0", "1e0",
		"1e300", "-1e300", "1e400", "1e-400", "1e2147483648", "9223372036854775807", "9223372036854775808", "18446744073709551616", "253402300799", "253402300800", "NaN", "Infinity", "-Infinity",
		"1" + strings.Repeat("0", 400), digits + "." + strings.Repeat("9", 400), "1_000", "--1", "-",
	})
	if r.IntN(6) == 0 {
		d.members[r.IntN(len(d.members))].value = spelt
		return
	}
	name := pick(r, []string{`"exp"`, `"nbf"`, `"iat"`, `"auth_time"`})
	for i := range d.members {
		if d.members[i].name == name {
			d.members[i].value = spelt
			return
		}
	}
	d.insert(r, member{name, spelt})
}

// spellings respells a name or a value in escapes, or puts odd characters in it.
func spellings(r *rand.Rand, d *document) {
	m := &d.members[r.IntN(len(d.members))]
	respell := func(s string) string {
		if r.IntN(2) == 0 || len(s) < 2 {
			return escaped(r, s)
		}
		at := 1 + r.IntN(len(s)-1)
		return s[:at] + pick(r, []string{
			`\u0000`, `\ud800`, `\udc00`, `\ud83d\ude00`, `\ude00\ud83d`, `\ud83dx`, `\u00e9`, `\uD8`, `\x41`, `\'`, `\a`, `\`, `\/`, `\\`, `\n`, `"`, "\x00", "\n", "\t", "\x1f", "\x7f", "\u2028", "é", "e\u0301",
			"\U0001F600", "\uffff", "\ufeff", "\u200b", "\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\u202e",
		}) + s[at:]
	}
	if r.IntN(3) == 0 {
		m.name = respell(m.name)
	} else {
		m.value = respell(m.value)
	}
}

// escaped writes some characters of a JSON string as \u escapes, which changes nothing that it says.
func escaped(r *rand.Rand, s string) string {
	var b strings.Builder
	for i, c := range s {
		switch {
		case c == '"' && (i == 0 || i == len(s)-1), c == '\\' || i > 0 && s[i-1] == '\\', c < ' ', r.IntN(3) > 0, c == 0xfffd:
			b.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&b, `\u%04x\u%04X`, high, low)
		case r.IntN(2) == 0:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\u%04X`, c)
		}
	}
	return b.String()
}

func whitespace(r *rand.Rand, d *document) {
	gaps := []string{"", " ", "\t", "\n", "\r", "\r\n", "    "}
	if r.IntN(3) == 0 {
		gaps = append(gaps, pick(r, []string{"\f", "\v", "\u00a0", "\ufeff", "\x00", "/**/", "//\n", "#", "\u2028", "\u0085"}))
	}
	d.space = func() string { return pick(r, gaps) }
	before, after := pick(r, gaps), pick(r, gaps)
	d.around = func(object string) string { return before + object + after }
}

// structure breaks the document as a whole, or nests it.
func structure(r *rand.Rand, d *document) {
	depth := pick(r, []int{1, 62, 63, 64, 65, 100, 1000})
	switch r.IntN(4) {
	case 0:
		d.insert(r, member{`"x"`, strings.Repeat("[", depth) + strings.Repeat("]", depth)})
	case 1:
		d.insert(r, member{`"x"`, strings.Repeat(`{"x":`, depth) + "0" + strings.Repeat("}", depth)})
	default:
		d.around = pick(r, []func(string) string{
			func(o string) string { return o + o }, func(o string) string { return o + "{}" }, func(o string) string { return o + "x" }, func(o string) string { return o + "," },
			func(o string) string { return o + "]" }, func(o string) string { return o + "null" }, func(o string) string { return o + "\x00" }, func(o string) string { return o + "}" },
			func(o string) string { return "[" + o + "]" }, func(o string) string { return "\ufeff" + o }, func(o string) string { return "{}" + o }, func(o string) string {
				return o[:len(
					o,
				)-1]
			},
			func(o string) string {
				return o[:len(
					o,
				)-1] + ",}"
			}, func(o string) string { return "{," + o[1:] }, func(o string) string { return o[1:] }, func(o string) string {
				return o[:r.IntN(
					len(o),
				)]
			},
			func(string) string { return "null" }, func(string) string { return "{}" }, func(string) string { return "[]" }, func(string) string { return `""` }, func(string) string { return "0" },
			func(string) string { return "" }, func(o string) string {
				return strings.ReplaceAll(
					o, `"`, `'`,
				)
			}, func(o string) string { return strings.ReplaceAll(o, ":", "=") },
		})
	}
}

// members adds or removes a member that means something to somebody.
func members(r *rand.Rand, d *document) {
	if r.IntN(3) == 0 && len(d.members) > 1 {
		i := r.IntN(len(d.members))
		d.members = append(d.members[:i:i], d.members[i+1:]...)
		return
	}
	d.insert(r, pick(r, []member{
		{`"crit"`, `["exp"]`}, {`"crit"`, `["b64"]`}, {`"crit"`, `[]`}, {`"b64"`, `false`}, {`"b64"`, `true`}, {`"zip"`, `"DEF"`}, {`"cty"`, `"JWT"`}, {
			`"jku"`, `"https://evil.example.com"`,
		}, {`"x5u"`, `"https://evil.example.com"`},
		{`"jwk"`, `{"kty":"oct","k":"AA"}`}, {
			`"jwk"`, `{"kty":"OKP","crv":"Ed25519","x":"` + b64(string(stream("x", 32))) + `"}`,
		}, {`"x5c"`, `["AA"]`}, {`"x5t"`, `"AA"`}, {`"enc"`, `"A256GCM"`}, {`"typ"`, `"JWT"`},
		{`"typ"`, `"logout+jwt"`}, {`"typ"`, `"dpop+jwt"`}, {`"typ"`, `"secevent+jwt"`}, {
			`"kid"`, `"` + strings.Repeat("k", 1025) + `"`,
		}, {`"kid"`, `"../../etc/passwd"`}, {`"kid"`, `"' OR 1=1"`},
		{`"nonce"`, `"n"`}, {`"at_hash"`, `"x"`}, {`"events"`, `{}`}, {`"htm"`, `"GET"`}, {
			`"cnf"`, `{"jkt":"x"}`,
		}, {`"cnf"`, `null`}, {`"cnf"`, `{}`}, {`"token_use"`, `"id"`}, {
			`"token_use"`, `"access"`,
		},
		{`"act"`, `{"sub":"a"}`}, {`"act"`, `"a"`}, {`"act"`, `{}`}, {
			`"act"`, strings.Repeat(`{"sub":"a","act":`, 9) + `{"sub":"a"}` + strings.Repeat("}", 9),
		}, {`"nbf"`, fmt.Sprint(now.Unix())},
		{`"azp"`, `"c"`}, {`"client_id"`, `""`}, {`"scope"`, `["a"]`}, {`"scp"`, `"a b"`}, {`"email"`, `"a@example.com"`}, {`"x"`, `{"a":[1,2,{"b":null}]}`},
	}))
}
