package bindings_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// What a process of the test is told by its environment: where the store listens, and the requests that it gets.
const (
	storeEnv = "CARDEA_TEST_STORE"
	tokenEnv = "CARDEA_TEST_TOKEN"
	proofEnv = "CARDEA_TEST_PROOFS"
	keyEnv   = "CARDEA_TEST_KEY"
)

// Eight processes that share a store accept each of a hundred proofs exactly once among them.
func TestEightProcessesAcceptAProofOnce(t *testing.T) {
	const processes, count = 8, 100
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go serveStore(listener)

	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.StrangeKey())))
	proofs := make([]string, count)
	for i := range proofs {
		proofs[i] = testkit.Proof{Key: testkit.StrangeKey(), Token: token}.String()
	}
	var all sync.WaitGroup
	outputs := make([]string, processes)
	for i := range outputs {
		all.Go(func() {
			replica := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReplica$", "-test.v")
			replica.Env = append(os.Environ(), storeEnv+"="+listener.Addr().String(), tokenEnv+"="+token,
				proofEnv+"="+strings.Join(proofs, " "), keyEnv+"="+testkit.B64(testkit.EdKey().Seed()))
			output, err := replica.CombinedOutput()
			if err != nil {
				t.Errorf("a replica ends with %v:\n%s", err, output)
			}
			outputs[i] = string(output)
		})
	}
	all.Wait()
	accepted := make(map[string]int)
	for line := range strings.Lines(strings.Join(outputs, "\n")) {
		if _, number, ok := strings.Cut(strings.TrimSpace(line), "accepted "); ok {
			accepted[number]++
		}
	}
	for i := range count {
		if n := accepted[fmt.Sprint(i)]; n != 1 {
			t.Errorf("proof %d was accepted %d times among %d processes, want once", i, n, processes)
		}
	}
}

// TestReplica is one of the processes. It says which proofs it has accepted.
func TestReplica(t *testing.T) {
	address := os.Getenv(storeEnv)
	if address == "" {
		t.Skip("this is a process of TestEightProcessesAcceptAProofOnce")
	}
	guard := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = testkit.OneKey("ed", testkit.EdKeyOf(kit.DecodedPart(os.Getenv(keyEnv))))
		cfg.DPoP.Replays = socketStore(address)
	}).Require("read")
	token := os.Getenv(tokenEnv)
	for i, text := range strings.Fields(os.Getenv(proofEnv)) {
		switch got := kit.OutcomeOf(guard, kit.DPoPRequest(token, text)); got {
		case "200":
			fmt.Printf("\naccepted %d\n", i)
		case kit.BadProof: // another process was first
		default:
			t.Errorf("proof %d: %s", i, got)
		}
	}
}

// socketStore asks a store in another process, one question to a connection.
type socketStore string

func (s socketStore) Add(ctx context.Context, key string, _ time.Time) (bool, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", string(s))
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, key); err != nil {
		return false, err
	}
	answer, err := io.ReadAll(conn)
	return string(answer) == "fresh", err
}

func serveStore(listener net.Listener) {
	var seen sync.Map
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			key, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil {
				return
			}
			if _, known := seen.LoadOrStore(key, true); !known {
				_, _ = io.WriteString(conn, "fresh")
			}
		}()
	}
}
