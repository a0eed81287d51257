package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/issuers"
)

// The table of presets says that one is proven against a real server only if this program asks that server.
func TestTableOfPresetsSaysHowEachIsProven(t *testing.T) {
	text, err := os.ReadFile("../../../middleware/issuers/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, preset := range issuers.Presets() {
		found := false
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "| `"+preset.Name+"` |") {
				continue
			}
			found = true
			how, _ := proofOf(preset.Name)
			if want := " | " + how + " |"; !strings.HasSuffix(strings.TrimSpace(line), want) {
				t.Errorf("the row of %s must end with %q, not %q", preset.Name, want, strings.TrimSpace(line))
			}
		}
		if !found {
			t.Errorf("there is no row of %s", preset.Name)
		}
	}
}

func TestServersProvePresetsThatThereAre(t *testing.T) {
	presets := issuers.Presets()
	for _, s := range servers {
		for _, name := range s.presets {
			if !slices.ContainsFunc(presets, func(p issuers.Preset) bool { return p.Name == name }) {
				t.Errorf("%s says that it proves %q, which is no preset", s.name, name)
			}
		}
	}
}

func TestServersAreChosenByName(t *testing.T) {
	usual, err := choose(nil)
	if err != nil || slices.ContainsFunc(usual, func(s server) bool { return s.slow }) {
		t.Errorf("without a name: %v, %v", usual, err)
	}
	named, err := choose([]string{"spring", "keycloak", "zitadel"})
	if err != nil || len(named) != 3 {
		t.Errorf("by name: %v, %v", named, err)
	}
	if _, err := choose([]string{"keycloack"}); err == nil {
		t.Error("a name that is not there is taken")
	}
}
