package tokens_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const malformed = middleware.ReasonMalformed

// segments of a good token.
func segments() (header, payload, signature string) {
	parts := strings.Split(kit.Mint(kit.GoodClaims(nil)), ".")
	return parts[0], parts[1], parts[2]
}

// RFC 7515 section 7.1, RFC 7519 section 7.2. Advisories: CVE-2016-9122, CVE-2025-30204, CVE-2025-27144,
// CVE-2024-28180, CVE-2023-49290, CVE-2025-53864.
func TestSegmentsOfAToken(t *testing.T) {
	h, p, s := segments()
	attacks := []hostile{
		{"no dot", h, malformed},
		{"one dot", h + "." + p, malformed},
		{"three dots", h + "." + p + "." + s + "." + s, malformed},
		{"five dots", strings.Join([]string{h, p, s, h, p, s}, "."), malformed},
		{"six dots", strings.Join([]string{h, p, s, h, p, s, s}, "."), malformed},
		{"a JWE, four dots", strings.Join([]string{h, p, s, p, s}, "."), middleware.ReasonEncrypted},
		{"a JWE with direct encryption", strings.Join([]string{h, "", s, p, s}, "."), middleware.ReasonEncrypted},
		{
			"a JWE that would burn 2^31 rounds of PBES2",
			testkit.B64([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}`)) + "." + strings.Join([]string{p, s, p, s}, "."),
			middleware.ReasonEncrypted,
		},
		{"a JWE with a zip bomb", testkit.B64([]byte(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`)) + "..AA.AA.AA", middleware.ReasonEncrypted},
		{"one dot alone", ".", malformed},
		{"two dots alone", "..", malformed},
		{"four dots alone", "....", malformed},
		{"a thousand dots", strings.Repeat(".", 1000), malformed},
		{"a thousand dots after a header", h + strings.Repeat(".", 1000), malformed},
		{"a leading dot", "." + h + "." + p + "." + s, malformed},
		{"a trailing dot", h + "." + p + "." + s + ".", malformed},
		{"a trailing dot instead of a signature", h + "." + p + ".", malformed},
		{"two dots together", h + ".." + s, malformed},
		{"no header", "." + p + "." + s, malformed},
		{"signature alone", ".." + s, malformed},
		{"payload alone", "." + p + ".", malformed},
		{"header alone", h + "..", malformed},
		{"segments in another order", p + "." + h + "." + s, middleware.ReasonAlgorithm},
		{"the signature twice", h + "." + p + "." + s + s, middleware.ReasonSignature},
		{"the JSON serialisation in base64url", testkit.B64(testkit.JSON(kit.Claims{"payload": p, "protected": h, "signature": s})), malformed},
		{
			"the general JSON serialisation",
			testkit.B64(testkit.JSON(kit.Claims{"payload": p, "signatures": []kit.Claims{{"protected": h, "signature": s}, {"protected": h, "signature": "AA"}}})),
			malformed,
		},
		{
			"the JSON serialisation as a header",
			testkit.B64(testkit.JSON(kit.Claims{"payload": p, "protected": h, "signature": s})) + "." + p + "." + s,
			middleware.ReasonAlgorithm,
		},
		{"a token in a token", testkit.Sign(`{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`, kit.Mint(kit.GoodClaims(nil)), testkit.EdKey()), malformed},
		{
			"a token in a string",
			testkit.Sign(`{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`, string(testkit.JSON(kit.Mint(kit.GoodClaims(nil)))), testkit.EdKey()),
			malformed,
		},
		{"SD-JWT", kit.Mint(kit.GoodClaims(nil)) + "~WyJhIiwiYiJd~", malformed},
	}
	wantAllRefused(t, nil, attacks)
	wantAllRefused(t, func(cfg *middleware.Config) { cfg.MaxTokenBytes = 1 << 20 }, []hostile{
		{"a hundred thousand dots", strings.Repeat(".", 100_000), malformed},
		{"a hundred thousand dots after a header", h + strings.Repeat(".", 100_000), malformed},
		{"a hundred thousand segments", h + strings.Repeat(".e30", 100_000), malformed},
		{
			"20,000 levels of arrays",
			kit.MintText(`{"iss":"` + testkit.Issuer + `","x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`),
			malformed,
		},
		{"20,000 levels of objects in the header", testkit.Sign(strings.Repeat(`{"alg":`, 20_000)+`1`+strings.Repeat("}", 20_000), `{}`, testkit.EdKey()), malformed},
		{
			"a kid of 100,000 characters",
			testkit.Sign(`{"alg":"EdDSA","typ":"at+jwt","kid":"`+strings.Repeat("k", 100_000)+`"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
			middleware.ReasonHeader,
		},
	})
}

func TestTokenBeyondTheLengthCap(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for name, token := range map[string]string{
			"1 MiB, truly signed":      kit.Mint(kit.GoodClaims(kit.Claims{"x": strings.Repeat("x", 1<<20)})),
			"1 MiB of one character":   strings.Repeat("e", 1<<20),
			"100,000 dots":             strings.Repeat(".", 100_000),
			"one byte beyond":          strings.Repeat("A", 16<<10+1),
			"a kid of 100,000 letters": testkit.Sign(`{"alg":"EdDSA","kid":"`+strings.Repeat("k", 100_000)+`"}`, "{}", testkit.EdKey()),
		} {
			t.Run(name, func(t *testing.T) {
				kit.WantRefused(t, v, token, "400 invalid_request", middleware.ReasonTokenTooLong)
			})
		}
	})
}

// Base64 decoders that skip line breaks or forgive padding and unused bits give a token many spellings.
func TestEveryByteInEverySegment(t *testing.T) {
	h, p, s := segments()
	const token68 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		guard := v.Require()
		for c := range 256 {
			for place, token := range []string{
				h[:5] + string([]byte{byte(c)}) + h[5:] + "." + p + "." + s,
				h + "." + p[:5] + string([]byte{byte(c)}) + p[5:] + "." + s,
				h + "." + p + "." + s[:5] + string([]byte{byte(c)}) + s[5:],
				h + "." + p + "." + s + string([]byte{byte(c)}),
				string([]byte{byte(c)}) + h + "." + p + "." + s,
			} {
				want := kit.BadToken
				if strings.IndexByte(token68, byte(c)) < 0 && (c != '=' || place != 3) && (c != ' ' || place != 4) {
					want = "400 invalid_request" // RFC 6750 section 2.1: no token at all
				}
				if c == ' ' && place == 4 { // "Bearer" 1*SP
					want = "200"
				}
				if got := kit.Serve(guard, kit.Bearer(token)).String(); got != want {
					t.Errorf("byte %q in place %d gives %q, want %q", c, place, got, want)
				}
			}
		}
	})
}

func TestOtherSpellingsOfBase64(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var attacks []hostile
	twins := func(name, text string, put func(string) string) {
		decoded, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for i := range alphabet {
			other := text[:len(text)-1] + alphabet[i:i+1]
			if again, err := base64.RawURLEncoding.DecodeString(other); err == nil && other != text && string(again) == string(decoded) {
				attacks = append(attacks, hostile{fmt.Sprintf("unused bits of the %s, ending in %c", name, alphabet[i]), put(other), malformed})
			}
		}
	}
	for _, fill := range []string{"", "x", "xx"} { // each length of the last group
		header := string(testkit.JSON(kit.Claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt", "x": fill}))
		parts := strings.Split(testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"x": fill}))), testkit.EdKey()), ".")
		twins("header "+fill, parts[0], func(s string) string { return resign(s, parts[1]) })
		twins("payload "+fill, parts[1], func(s string) string { return resign(parts[0], s) })
		twins("signature "+fill, parts[2], func(s string) string { return parts[0] + "." + parts[1] + "." + s })
		attacks = append(attacks,
			hostile{"one character too many in the payload " + fill, resign(parts[0], strings.Repeat("A", 4-len(parts[1])%4+1)+parts[1]), malformed},
			hostile{"padding after the signature " + fill, strings.Join(parts, ".") + "==", malformed},
			hostile{
				"standard alphabet in the payload " + fill,
				resign(parts[0], base64.RawStdEncoding.EncodeToString(fmt.Appendf(nil, `{"a":"%s???>>>"}`, fill))), malformed,
			},
		)
	}
	if len(attacks) < 40 {
		t.Fatalf("only %d spellings were found", len(attacks))
	}
	wantAllRefused(t, nil, attacks)
}

// resign signs segments as they stand, so that nothing but their spelling can be wrong.
func resign(header, payload string) string {
	return header + "." + payload + "." + testkit.B64(testkit.Signature(header+"."+payload, "", testkit.EdKey()))
}

// brokenJSON are texts that two readers could read differently or that are no JSON object; members are the good ones.
func brokenJSON(members, name string) map[string]string {
	utf16Text := func(little bool, mark string) string {
		var b strings.Builder
		b.WriteString(mark)
		for _, unit := range utf16.Encode([]rune("{" + members + "}")) {
			if little {
				b.Write([]byte{byte(unit), byte(unit >> 8)})
			} else {
				b.Write([]byte{byte(unit >> 8), byte(unit)})
			}
		}
		return b.String()
	}
	texts := map[string]string{
		"a second object":                   "{" + members + "}{" + members + "}",
		"a second empty object":             "{" + members + "}{}",
		"text after the object":             "{" + members + "} x",
		"a comma after the object":          "{" + members + "},",
		"a NUL after the object":            "{" + members + "}\x00",
		"a BOM before the object":           "\xef\xbb\xbf{" + members + "}",
		"a BOM inside the object":           "{\xef\xbb\xbf" + members + "}",
		"UTF-16 big-endian":                 utf16Text(false, ""),
		"UTF-16 little-endian":              utf16Text(true, ""),
		"UTF-16 with a mark":                utf16Text(true, "\xff\xfe"),
		"an array around the object":        "[{" + members + "}]",
		"an array":                          "[]",
		"null":                              "null",
		"true":                              "true",
		"a number":                          "1",
		"a string":                          `"x"`,
		"white space":                       " ",
		"half an object":                    "{" + members,
		"a comma at the end":                "{" + members + ",}",
		"a comma at the beginning":          "{," + members + "}",
		"two commas":                        "{" + members + `,,"x":1}`,
		"no colon":                          "{" + members + `,"x" 1}`,
		"a name without quotes":             "{" + members + `,x:1}`,
		"a name in single quotes":           "{" + members + `,'x':1}`,
		"a value in single quotes":          "{" + members + `,"x":'1'}`,
		"a comment":                         "{" + members + `,"x":1/*"*/}`,
		"a line comment":                    "{" + members + "}//",
		"a vertical tab as white space":     "{\v" + members + "}",
		"a no-break space as white space":   "{\u00a0" + members + "}",
		"arrays 64 levels deep in a member": "{" + members + `,"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + "}",
		"objects 70 levels deep":            "{" + members + `,"x":` + strings.Repeat(`{"x":`, 70) + "1" + strings.Repeat("}", 70) + "}",
		"a duplicate far inside":            "{" + members + `,"x":[{"y":{"z":1,"z":2}}]}`,
	}
	for text, value := range map[string]string{
		"NaN": "NaN", "Infinity": "Infinity", "minus Infinity": "-Infinity", "hexadecimal": "0x10", "a leading zero": "01", "a plus sign": "+1",
		"a point at the beginning": ".5", "a point at the end": "1.", "an exponent without digits": "1e", "a lone minus": "-", "True": "True", "undefined": "undefined",
		"an underscore in digits": "1_000", "no value": "", "invalid UTF-8": "\"\xff\"", "overlong UTF-8": "\"\xc0\xaf\"", "a surrogate in UTF-8": "\"\xed\xa0\x80\"",
		"beyond Unicode": "\"\xf4\x90\x80\x80\"", "half a rune": "\"\xe2\x82\"", "a lone high surrogate": `"\ud800"`, "a lone low surrogate": `"\udc00"`,
		"surrogates the wrong way round": `"\udc00\ud800"`, "a high surrogate before text": `"\ud800x"`, "half an escape": `"\u12"`, "an unknown escape": `"\x41"`,
		"a line break in a string": "\"a\nb\"", "a tab in a string": "\"a\tb\"", "a NUL in a string": "\"a\x00b\"", "a string without end": `"x`,
	} {
		texts["a value that is "+text] = "{" + members + `,"x":` + value + "}"
		texts["a value far inside that is "+text] = "{" + members + `,"x":[{"y":` + value + "}]}"
	}
	for _, twin := range []string{
		name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], fmt.Sprintf(`\u%04x`, name[0]) + name[1:],
		fmt.Sprintf(`\u%04X`, name[0]-32) + name[1:],
	} {
		texts["a twin in front: "+twin] = "{\"" + twin + `":"x",` + members + "}"
		texts["a twin behind: "+twin] = "{" + members + `,"` + twin + `":"x"}`
	}
	return texts
}

// CVE-2024-21664: null and other JSON that is no object.
func TestHeaderThatTwoReadersReadDifferently(t *testing.T) {
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	members := kit.Members([]byte(kit.Ed25519Header))
	var attacks []hostile
	for _, name := range []string{"alg", "kid", "typ"} {
		for attack, text := range brokenJSON(members, name) {
			reason := malformed
			if !strings.HasPrefix(text, "{") || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\v") {
				reason = middleware.ReasonNotIntrospected // no JOSE object, and nobody takes opaque tokens
			}
			attacks = append(attacks, hostile{name + ": " + attack, testkit.Sign(text, payload, testkit.EdKey()), reason})
		}
	}
	for _, text := range []string{
		`"aLg":"none"`, `"ALG":"none"`, `"KID":"x"`, "\"\u212aid\":\"x\"", `"\u212aid":"x"`, `"TYP":"JWT"`, `"Crit":[]`, `"CRIT":["x"]`,
		`"B64":false`, `"CTY":"JWT"`,
	} {
		attacks = append(attacks, hostile{"a name that folds to one we read: " + text, testkit.Sign("{"+members+","+text+"}", payload, testkit.EdKey()), malformed})
	}
	wantAllRefused(t, nil, attacks)
}

func TestPayloadThatTwoReadersReadDifferently(t *testing.T) {
	members := kit.Members(testkit.JSON(kit.GoodClaims(nil)))
	var attacks []hostile
	for _, name := range []string{"sub", "iss", "aud", "exp", "scope", "client_id"} {
		for attack, text := range brokenJSON(members, name) {
			attacks = append(attacks, hostile{name + ": " + attack, kit.MintText(text), malformed})
		}
	}
	for _, text := range []string{
		`"ſub":"admin"`, `"\u017fub":"admin"`, `"iſs":"x"`, `"ſcope":"admin"`, `"NBF":1`, `"CNF":{}`, `"Act":{}`, `"TID":"x"`,
		`"Nonce":1`, `"EVENTS":{}`,
	} {
		attacks = append(attacks, hostile{"a name that folds to one we read: " + text, kit.MintText("{" + members + "," + text + "}"), malformed})
	}
	attacks = append(attacks, hostile{"an empty object", kit.MintText("{}"), middleware.ReasonMissingClaim})
	wantAllRefused(t, nil, attacks)
}

// RFC 7515 section 4.1.11, RFC 7797 section 7, RFC 7519 section 5.2, RFC 8725 section 3.6. CVE-2025-59420.
func TestHeaderExtensions(t *testing.T) {
	payload := string(testkit.JSON(kit.GoodClaims(nil)))
	var attacks []hostile
	for _, name := range []string{"crit", "b64"} {
		for _, value := range []string{
			`[]`, `["exp"]`, `["alg"]`, `["b64"]`, `["http://x"]`, `["crit"]`, `null`, `true`, `false`, `""`, `"JWT"`, `"DEF"`, `"at+jwt"`,
			`{}`, `1`,
		} {
			attacks = append(attacks,
				hostile{name + " " + value + " in front", testkit.Sign(`{"`+name+`":`+value+`,`+kit.Ed25519Header[1:], payload, testkit.EdKey()), middleware.ReasonHeader},
				hostile{
					name + " " + value + " behind, its name escaped",
					testkit.Sign(kit.Ed25519Header[:len(kit.Ed25519Header)-1]+fmt.Sprintf(`,"\u%04x%s":%s}`, name[0], name[1:], value), payload, testkit.EdKey()),
					middleware.ReasonHeader,
				},
			)
		}
	}
	for _, value := range []string{"JWT", "jwt", "application/JWT"} {
		attacks = append(attacks, hostile{"a payload that is another token: " + value,
			testkit.Sign(kit.Ed25519Header[:len(kit.Ed25519Header)-1]+`,"cty":"`+value+`"}`, payload, testkit.EdKey()), middleware.ReasonHeader})
	}
	const unencoded = `{"alg":"EdDSA","kid":"ed","typ":"at+jwt","b64":false,"crit":["b64"]}`
	attacks = append(attacks,
		hostile{"b64 with crit", testkit.Sign(unencoded, payload, testkit.EdKey()), middleware.ReasonHeader},
		hostile{
			"an extension that is critical and there",
			testkit.Sign(kit.Ed25519Header[:len(kit.Ed25519Header)-1]+`,"crit":["http://x"],"http://x":true}`, payload, testkit.EdKey()),
			middleware.ReasonHeader,
		},
	)
	wantAllRefused(t, nil, attacks)

	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		input := testkit.B64([]byte(unencoded)) + "." + payload
		raw := input + "." + testkit.B64(testkit.Signature(input, "", testkit.EdKey()))
		kit.WantRefused(t, v, raw, "400 invalid_request", middleware.ReasonMalformedRequest)
		// zip and the others are parameters of a JWE, and mean nothing in a JWS (RFC 7515 section 4). A payload that was compressed is
		// no JSON.
		for _, harmless := range []string{`"zip":"NONE"`, `"zip":"DEF"`, `"zip":null`, `"Zip":"DEF"`, `"cty":"json"`, `"cty":null`, `"cty":""`, `"cty":1`,
			`"cty":"application/json"`, `"enc":"A128GCM"`, `"epk":{}`, `"apu":""`, `"p2c":1`} {
			kit.WantAdmitted(t, v, testkit.Sign(kit.Ed25519Header[:len(kit.Ed25519Header)-1]+","+harmless+"}", payload, testkit.EdKey()))
		}
		kit.WantRefused(t, v, testkit.Sign(kit.Ed25519Header[:len(kit.Ed25519Header)-1]+`,"zip":"DEF"}`, deflated(payload), testkit.EdKey()), kit.BadToken, malformed)
		kit.WantAdmitted(t, v, testkit.Sign(kit.Ed25519Header[:len(kit.Ed25519Header)-1]+`,"x":{"crit":["a"]},"criti":1,"":2,"kidd":"x"}`, payload, testkit.EdKey()))
	})
}

func TestJSONSerialisationIsNoToken(t *testing.T) {
	h, p, s := segments()
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, token := range []string{
			fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, p, h, s),
			fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, p, h, s),
			h + "." + p + "." + s + "," + h + "." + p + "." + s,
			`"` + h + "." + p + "." + s + `"`,
		} {
			kit.WantRefused(t, v, token, "400 invalid_request", middleware.ReasonMalformedRequest)
		}
	})
}

// Hundreds of members and of list elements are allowed below the length cap, and cost linear time.
func TestLongButHonestToken(t *testing.T) {
	many := kit.GoodClaims(nil)
	for i := range 400 {
		many[fmt.Sprintf("claim%d", i)] = i
	}
	many["groups"] = strings.Split(strings.Repeat("g ", 500), " ")
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, kit.Mint(many))
		if got := kit.Serve(v.Require(), kit.Request(http.MethodGet, http.Header{"Authorization": {"bearer  " + kit.Mint(many)}})); !got.Ran {
			t.Error("the scheme in lower case and two spaces are RFC 9110")
		}
	})
}

func deflated(text string) string {
	var b bytes.Buffer
	w := testkit.Must(flate.NewWriter(&b, flate.BestCompression))
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}
