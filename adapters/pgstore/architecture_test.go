package pgstore_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The interfaces are implemented by their shapes: whoever imports this module gets pgx and nothing of the core.
func TestTheProductImportsNothingOfTheCore(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	const core = "github.com/cardea-auth/cardea/"
	own := slices.DeleteFunc(strings.Fields(string(out)), func(path string) bool { return !strings.HasPrefix(path, core) })
	if len(own) != 1 || own[0] != core+"adapters/pgstore" {
		t.Errorf("it depends on %q", own)
	}
}
