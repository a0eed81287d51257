//go:build unix

package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// An instance is this program again, which is a test here.
func TestMain(m *testing.M) {
	if os.Getenv(settingIssuer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

var want = regexp.MustCompile(`^Two instances of the API, http://\S+ and http://\S+, share what they learn in unix://\S+\.
200  first instance, an opaque token
200  first instance, a token
200  first instance, a bound token with a proof
401  second instance, the same bound token and proof  invalid_dpop_proof
200  second instance, the same token
200  second instance, the same opaque token
204  first instance, a logout with the token
401  first instance, the token  invalid_token
401  second instance, the token  invalid_token, \d+ ms later
The authorization server was asked about the opaque token 1 time\(s\)\.
Meanwhile others made \d+ requests, of which 0 were not let in\.
$`)

func TestWhatOneInstanceLearnsBothKnow(t *testing.T) {
	needServer(t)
	var out strings.Builder
	// A machine that stands still for longer than the time-outs of the store is asked again: what Redis does not answer in time is 503 for a
	// proof, and one more question about an opaque token.
	for range 5 {
		out.Reset()
		if err := run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if want.MatchString(out.String()) {
			return
		}
		t.Logf("got:\n%s", out.String())
	}
	t.Error("that is not what was to come")
}

func needServer(t *testing.T) {
	t.Helper()
	for _, program := range []string{"redis-server", "valkey-server"} {
		if _, err := exec.LookPath(program); err == nil {
			return
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("neither redis-server nor valkey-server is installed")
	}
	t.Skip("neither redis-server nor valkey-server is installed")
}

func TestWithoutAServer(t *testing.T) {
	t.Setenv("PATH", "")
	if err := run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("got %v, want what to do about it", err)
	}
}
