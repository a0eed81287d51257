//go:build unix

package replicas

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

const (
	settingDatabase = "REPLICA_POSTGRES"
	settingIssuer   = "REPLICA_ISSUER"

	audience = "https://api.example.com"
	within   = 2 * time.Second
)

// A replica is this program again.
func TestMain(m *testing.M) {
	if os.Getenv(settingDatabase) == "" {
		os.Exit(m.Run())
	}
	if err := replica(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// listOn makes a List that shares a database.
func listOn(ctx context.Context, database string) (*revocation.List, error) {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return nil, err
	}
	store, err := pgstore.New(pool, pgstore.Config{})
	if err != nil {
		return nil, err
	}
	if err := store.Create(ctx); err != nil {
		return nil, err
	}
	return revocation.New(revocation.Config{Store: store, Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Logger: slog.New(slog.DiscardHandler)})
}

// replica serves on its standard input and output: each line that comes is a token, which is judged again and again from then on. It writes a line
// each time that the answer about a token changes: which token, the outcome, when it was last let in, and when it was first refused.
func replica(ctx context.Context) error {
	list, err := listOn(ctx, os.Getenv(settingDatabase))
	if err != nil {
		return err
	}
	auth, err := middleware.New(middleware.Config{
		Issuers:           []middleware.Issuer{{URL: os.Getenv(settingIssuer)}},
		Audiences:         []string{audience},
		Revocations:       []middleware.Revocations{list},
		RevocationsWithin: within,
		TokenCache:        middleware.TokenCache{Entries: 1 << 16},
		Logger:            slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	if err := auth.Warm(ctx); err != nil {
		return err
	}
	fmt.Println("ready")
	var mu sync.Mutex
	var judged []*token
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			r, _ := http.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", "Bearer "+lines.Text())
			mu.Lock()
			judged = append(judged, &token{request: r})
			mu.Unlock()
		}
		os.Exit(0) // nobody asks any more
	}()
	guard := auth.Require()
	for {
		mu.Lock()
		now := judged
		mu.Unlock()
		for i, t := range now {
			if t.outcome == "401" {
				continue // for good
			}
			if line := t.judge(guard, i); line != "" {
				fmt.Println(line)
			}
		}
		if len(now) == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

type token struct {
	request *http.Request
	outcome string
	letIn   time.Time // last
}

func (t *token) judge(guard *middleware.Guard, i int) (line string) {
	before := time.Now()
	_, err := guard.Check(t.request)
	outcome := "200"
	if refusal := new(middleware.Error); asRefusal(err, &refusal) {
		outcome = strconv.Itoa(refusal.Status())
	} else {
		t.letIn = before
	}
	if outcome == t.outcome {
		return ""
	}
	t.outcome = outcome
	return fmt.Sprintf("%d %s %d %d", i, outcome, t.letIn.UnixNano(), time.Now().UnixNano())
}

// process is a replica from outside.
type process struct {
	command *exec.Cmd
	in      *bufio.Writer
	ready   chan struct{}

	mu   sync.Mutex
	said map[int]answer
}

type answer struct {
	outcome          string
	letIn, refusedAt time.Time
}

func begin(t *testing.T, database, issuer string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{command: exec.Command(self), ready: make(chan struct{}), said: make(map[int]answer)}
	p.command.Env = append(os.Environ(), settingDatabase+"="+database, settingIssuer+"="+issuer)
	p.command.Stderr = os.Stderr
	in, err := p.command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in = bufio.NewWriter(in)
	out, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			p.hear(lines.Text())
		}
	}()
	select {
	case <-p.ready:
	case <-time.After(time.Minute):
		t.Fatal("a replica is not ready after a minute")
	}
	return p
}

func (p *process) hear(line string) {
	if line == "ready" {
		close(p.ready)
		return
	}
	words := strings.Fields(line)
	if len(words) != 4 {
		return
	}
	i, _ := strconv.Atoi(words[0])
	letIn, _ := strconv.ParseInt(words[2], 10, 64)
	refused, _ := strconv.ParseInt(words[3], 10, 64)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said[i] = answer{words[1], time.Unix(0, letIn), time.Unix(0, refused)}
}

func (p *process) of(i int) answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said[i]
}

// judges gives it tokens, and waits until it has answered about the last.
func (p *process) judges(t *testing.T, tokens []string) {
	t.Helper()
	for _, token := range tokens {
		_, _ = p.in.WriteString(token + "\n")
	}
	if err := p.in.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an answer about each token", func() bool { return p.of(len(tokens)-1).outcome != "" })
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("after a minute there is not: %s", what)
		}
	}
}
