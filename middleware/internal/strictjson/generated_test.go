package strictjson_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The fuzzer seldom finds documents that are nearly good. These are made of good
// parts, with few names so that some meet again, and are broken in every other case.
func TestParseAgreesWithTheReferenceOnGeneratedDocuments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	accepted, refused := 0, 0
	for range 20_000 {
		document := generate(random, 0)
		for range random.IntN(2) * random.IntN(3) {
			document = damage(random, document)
		}
		want, refusal := reference(document)
		got, err := strictjson.Parse(document)
		if (err == nil) != (refusal == nil) {
			t.Fatalf("Parse of %q: %v; the reference: %v", document, err, refusal)
		}
		if err != nil {
			refused++
			continue
		}
		accepted++
		if err := compare(got, want); err != nil {
			t.Fatalf("%q: %v", document, err)
		}
	}
	if accepted < 1000 || refused < 1000 {
		t.Errorf("%d accepted and %d refused: too few of one to mean much", accepted, refused)
	}
}

var (
	spaces = []string{"", "", "", " ", "\n\t", "\r"}
	texts  = []string{
		`sub`, `aud`, `SUB`, `\u0073ub`, `ſub`, `k`, `\u212a`, `é`, `É`, `σ`, `ς`, ``, `a\nb`, `\"`, `\\`, `\/`, `/`, `😀`, `\ud83d\ude00`, `\ud83d`,
		`seventeen letters`, `eight...`, `seven..`, `[{,:}]`, `\u0000`, `x1`, `x2`, `x3`, `x4`, `x5`, `x6`, `x7`, `x8`, `x9`, `x10`, `x11`, `x12`,
	}
	scalars = []string{`0`, `-0`, `12`, `1.5`, `-2e9`, `1E+05`, `true`, `false`, `null`, `1e400`, `01`}
	debris  = []string{`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, ` `, "\x00", "\xff", "\xc3", `0`, `.`, `e`, `-`, `u`, `\ud800`, "\ufeff", "\f", `"sub":1,`}
)

func pick(random *rand.Rand, from []string) string { return from[random.IntN(len(from))] }

// generate returns an object, or below the first level any value.
func generate(random *rand.Rand, depth int) string {
	choice := random.IntN(8)
	if depth == 0 || depth < 5 && choice == 0 {
		return nest(random, "{", "}", func() string {
			return `"` + pick(random, texts) + `"` + pick(random, spaces) + ":" + pick(random, spaces) + generate(random, depth+1)
		})
	}
	switch {
	case depth < 5 && choice == 1:
		return nest(random, "[", "]", func() string { return generate(random, depth+1) })
	case choice < 5:
		return `"` + pick(random, texts) + `"`
	}
	return pick(random, scalars[:len(scalars)-random.IntN(2)])
}

func nest(random *rand.Rand, open, end string, part func() string) string {
	var parts []string
	for range random.IntN(5) {
		parts = append(parts, pick(random, spaces)+part()+pick(random, spaces))
	}
	return open + strings.Join(parts, ",") + end
}

// damage cuts a few bytes out of document or puts something in.
func damage(random *rand.Rand, document string) string {
	from := random.IntN(len(document) + 1)
	to := min(from+random.IntN(3), len(document))
	return document[:from] + pick(random, append(debris, "", "", "")) + document[to:]
}
