package attacks_test

import (
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// garbageBytes is the length of each token here: the most that is looked at by default.
const garbageBytes = 16 << 10

// filledWith repeats what part makes of ever higher numbers between before and behind, as often as a payload of the longest token holds.
func filledWith(before, behind string, part func(n int) string) string {
	const most = garbageBytes*3/4 - 200 // leaves room for header and signature
	var b strings.Builder
	b.WriteString(before)
	for n := 0; ; n++ {
		next := part(n)
		if b.Len()+len(next)+len(behind) > most {
			break
		}
		b.WriteString(next)
	}
	return b.String() + behind
}

// membersOf are members whose names are numbers spelt in two characters.
func membersOf(issuer, zero, one string) string {
	return filledWith(`{"iss":"`+issuer+`"`, "}", func(n int) string {
		return `,"` + strings.NewReplacer("0", zero, "1", one).Replace(fmt.Sprintf("%011b", n)) + `":1`
	})
}

// ordinaryGarbage is a token of members as everybody writes them.
func ordinaryGarbage() string {
	return garbageToken(
		kit.Ed25519Header,
		filledWith(`{"iss":"https://nobody.example"`, "}", func(n int) string { return fmt.Sprintf(`,"claim_%d":"value-%d"`, n, n) }),
	)
}

func garbageToken(header, payload string) string {
	token := testkit.B64([]byte(header)) + "." + testkit.B64([]byte(payload)) + "."
	return token + strings.Repeat("A", min(86, garbageBytes-len(token)))
}

// garbage are tokens that anybody can write without knowing any, each as long as is looked at, and each with what could cost a careless
// reader the most.
func garbage() map[string]string {
	const nobody = `{"iss":"https://nobody.example"`
	const known = `{"iss":"` + testkit.Issuer + `","sub":"s","exp":4133980800,"nonce":"n"`
	payloads := map[string]string{
		"numbers in @ and `":               membersOf("https://nobody.example", "@", "`"),
		"numbers in @ and `, with escapes": membersOf("https://nobody.example", "@", `\/`+"`"),
		"numbers in @ and `, behind an escape": filledWith(nobody, "}", func(n int) string {
			return `,"\\/` + strings.NewReplacer("0", "@", "1", "`").Replace(fmt.Sprintf("%011b", n)) + `":1`
		}),
		"numbers in [ and {":                    membersOf("https://nobody.example", "[", "{"),
		"numbers in siblings of two bytes":      membersOf("https://nobody.example", "\u0080", "\u00a0"),
		"numbers in siblings of three bytes":    membersOf("https://nobody.example", "\u2000", "\u2020"),
		"numbers in siblings of four bytes":     membersOf("https://nobody.example", "\U0001f600", "\U0001f620"),
		"numbers in characters that fold":       membersOf("https://nobody.example", "ſ", "\u212a"),
		"numbers in escapes":                    membersOf("https://nobody.example", `\u0061`, `\u0062`),
		"numbers in escapes of two halves":      membersOf("https://nobody.example", `\ud83d\ude00`, `\ud83d\ude01`),
		"numbers in small letters and capitals": membersOf("https://nobody.example", "a", "A"),
		"shortest names":                        filledWith(nobody, "}", func(n int) string { return fmt.Sprintf(`,"%x":1`, n) }),
		"shortest names, spaced":                filledWith(nobody, "}", func(n int) string { return fmt.Sprintf(` , "%x" : 1 `, n) }),
		"long names":                            filledWith(nobody, "}", func(n int) string { return fmt.Sprintf(`,"%s%d":1`, strings.Repeat("a", 60), n) }),
		"one long name":                         filledWith(nobody+`,"`, `":1}`, func(int) string { return "a" }),
		"one long name beyond ASCII":            filledWith(nobody+`,"`, `":1}`, func(int) string { return "ſ" }),
		"one long name in escapes":              filledWith(nobody+`,"`, `":1}`, func(int) string { return `\u017f` }),
		"one long value":                        filledWith(nobody+`,"a":"`, `"}`, func(int) string { return "a" }),
		"one long value in escapes":             filledWith(nobody+`,"a":"`, `"}`, func(int) string { return `\n` }),
		"one long number":                       filledWith(nobody+`,"a":1`, `}`, func(int) string { return "0" }),
		"many small objects":                    filledWith(nobody+`,"a":[0`, `]}`, func(int) string { return `,{"a":1}` }),
		"many small objects, names in escapes":  filledWith(nobody+`,"a":[0`, `]}`, func(int) string { return `,{"\u0061":1}` }),
		"many empty objects":                    filledWith(nobody+`,"a":[0`, `]}`, func(int) string { return `,{}` }),
		"deep objects of one name": filledWith(
			nobody+`,"a":[0`, `]}`, func(int) string { return `,` + strings.Repeat(`{"a":`, 62) + "1" + strings.Repeat("}", 62) },
		),
		"deep lists": filledWith(
			nobody+`,"a":[0`, `]}`, func(int) string { return `,` + strings.Repeat(`[`, 62) + strings.Repeat("]", 62) },
		),
		"names that resemble those that count":    filledWith(nobody, "}", func(n int) string { return fmt.Sprintf(`,"ſub%x":1`, n) }),
		"names in the places of those that count": filledWith(nobody, "}", func(n int) string { return fmt.Sprintf(`,"s%xub":1`, n) }),
		"a long issuer":                    filledWith(`{"iss":"`, `"}`, func(int) string { return "/" }),
		"a long issuer in escapes":         filledWith(`{"iss":"`, `"}`, func(int) string { return `\/` }),
		"many audiences of an ID token":    filledWith(known+`,"aud":["x"`, `]}`, func(n int) string { return fmt.Sprintf(`,"%x"`, n) }),
		"many scopes of an ID token":       filledWith(known+`,"scope":"`, `"}`, func(n int) string { return fmt.Sprintf("%x ", n) }),
		"scopes in escapes of an ID token": filledWith(known+`,"scope":"`, `"}`, func(int) string { return `\u0061 ` }),
		"a name twice, at the end":         filledWith(nobody, `,"0":1}`, func(n int) string { return fmt.Sprintf(`,"%x":1`, n) }),
		"no end":                           filledWith(nobody, "", func(n int) string { return fmt.Sprintf(`,"%x":1`, n) }),
		"bytes that are no text":           filledWith(nobody, "", func(int) string { return "\xff" }),
	}
	tokens := make(map[string]string)
	for about, payload := range payloads {
		tokens[about] = garbageToken(strings.Replace(kit.Ed25519Header, "at+jwt", "JWT", 1), payload)
	}
	for about, parts := range map[string][2]string{
		"a header of numbers in @ and `":  {"@", `\/` + "`"},
		"a header of escapes":             {`\u0061`, `\u0062`},
		"a header of siblings":            {"\u0080", "\u00a0"},
		"a header of ordinary characters": {"a", "b"},
	} {
		header := strings.Replace(membersOf("https://nobody.example", parts[0], parts[1]), "{", `{"alg":"EdDSA","kid":"ed",`, 1)
		tokens[about] = testkit.B64([]byte(header)) + "." + testkit.B64([]byte(`{}`)) + "." + strings.Repeat("A", 86)
	}
	tokens["nothing but dots"] = "e" + strings.Repeat(".", garbageBytes-1)
	tokens["an opaque token"] = strings.Repeat("x", garbageBytes)
	tokens["an opaque token of many parts"] = strings.Repeat("x.", garbageBytes/2-1) + "x"
	tokens["one long header"] = strings.Repeat("eyJh", garbageBytes/4-2) + ".e30.AA"
	tokens["one long signature"] = testkit.B64([]byte(kit.Ed25519Header)) + ".e30." + strings.Repeat("A", garbageBytes-100)
	return tokens
}

// What garbage costs depends on its length, and never on the bytes that somebody has chosen for it. Counted here is what is allocated,
// beside ordinary garbage; package strictjson counts the comparisons of names.
func TestGarbageCostsWhatItsLengthCosts(t *testing.T) {
	guard := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Logger = slog.New(slog.DiscardHandler)
		cfg.TokenCache.Entries = 1000 // also where the suite runs without the cache: a first sight costs more with it
	}).Require()
	cost := func(token string) (allocations, bytes uint64) {
		const runs = 10
		r := kit.Bearer(token)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := guard.Check(r); err == nil {
				t.Fatal("garbage is let in")
			}
		}
		runtime.ReadMemStats(&after)
		return (after.Mallocs - before.Mallocs) / runs, (after.TotalAlloc - before.TotalAlloc) / runs
	}
	_, _ = cost(ordinaryGarbage()) // what the first request makes
	_, ordinary := cost(ordinaryGarbage())
	families := garbage()
	for _, about := range slices.Sorted(maps.Keys(families)) {
		token := families[about]
		if len(token) > garbageBytes || len(token) < garbageBytes*9/10 {
			t.Errorf("%s: the token has %d bytes", about, len(token))
		}
		allocations, bytes := cost(token)
		if most := uint64(len(token) / 16); allocations > most || bytes > 3*ordinary {
			t.Errorf("%s: %d allocations of %d bytes in all, want at most %d and %d", about, allocations, bytes, most, 3*ordinary)
		}
	}
}

// BenchmarkGarbage shows by the clock what TestGarbageCostsWhatItsLengthCosts counts.
func BenchmarkGarbage(b *testing.B) {
	guard := kit.NewValidator(b, func(cfg *middleware.Config) { cfg.Logger = slog.New(slog.DiscardHandler) }).Require()
	families := garbage()
	families["ordinary"] = ordinaryGarbage()
	for _, about := range slices.Sorted(maps.Keys(families)) {
		b.Run(about, func(b *testing.B) {
			r := kit.Bearer(families[about])
			b.SetBytes(garbageBytes)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := guard.Check(r); err == nil {
					b.Fatal("garbage is let in")
				}
			}
		})
	}
}
