package strictjson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

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

// The second half of a pair is an escape too, and not merely something of its length.
func TestHalvesOfAPairThatAreNoEscapes(t *testing.T) {
	for _, text := range []string{`\ud83dxude00`, `\ud83d/ude00`, `\ud83d\xde00`, `\ud83d\\de00`, `\ud83d ude00`} {
		if _, err := strictjson.Parse(`{"a":"` + text + `"}`); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

func TestWalkEndsWithALateErrorOfVisit(t *testing.T) {
	var members []string
	for i := range 100 {
		members = append(members, fmt.Sprintf(`"m%d":%d`, i, i))
	}
	enough := errors.New("enough")
	seen := 0
	err := strictjson.Walk("{"+strings.Join(members, ",")+"}", func(string, strictjson.Value) error {
		if seen++; seen == 60 {
			return enough
		}
		return nil
	})
	if err != enough || seen != 60 {
		t.Errorf("%d members were visited, error %v", seen, err)
	}
}
