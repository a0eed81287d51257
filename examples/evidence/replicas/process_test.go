//go:build unix

package replicas

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is a replica from outside.
type process struct {
	command *exec.Cmd
	ready   chan struct{}

	writing sync.Mutex
	in      *bufio.Writer

	mu       sync.Mutex
	judged   map[int]answer
	told     map[int]time.Time
	revoked  map[int]revoked
	spent    map[int]spent
	status   *status
	unjudged int      // answers of 503
	odd      []string // what it should not have said
}

// answer is what the process last said of a token.
type answer struct {
	status           int
	letIn, changedAt time.Time
}

type revoked struct {
	outcome  string
	returned time.Time
}

type spent struct{ accepted, refused, unjudged int }

type status struct {
	age     time.Duration
	pending int
	ready   bool
}

// begin begins one, which is ready when it returns.
func begin(t *testing.T, at, issuer string, settings ...string) *process {
	t.Helper()
	return beginAll(t, 1, at, issuer, settings...)[0]
}

// beginAll begins several at the same time.
func beginAll(t *testing.T, n int, at, issuer string, settings ...string) []*process {
	t.Helper()
	all := make([]*process, n)
	for i := range all {
		all[i] = start(t, at, issuer, settings...)
	}
	for _, p := range all {
		select {
		case <-p.ready:
		case <-time.After(time.Minute):
			t.Fatal("a replica is not ready after a minute")
		}
	}
	return all
}

func start(t *testing.T, at, issuer string, settings ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		command: exec.Command(self), ready: make(chan struct{}),
		judged: make(map[int]answer), told: make(map[int]time.Time), revoked: make(map[int]revoked), spent: make(map[int]spent),
	}
	p.command.Env = append(append(os.Environ(), settingStore+"="+at, settingIssuer+"="+issuer), settings...)
	if !*full { // which measures, and pays for it with all that the machine has
		p.command.Env = append(p.command.Env, settingPause+"=10ms")
	}
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
	return p
}

func (p *process) hear(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var i int
	var a, b int64
	switch word, rest, _ := strings.Cut(line, " "); word {
	case "ready":
		close(p.ready)
	case "judged":
		var now answer
		_, _ = fmt.Sscan(rest, &i, &now.status, &a, &b)
		now.letIn, now.changedAt = time.Unix(0, a), time.Unix(0, b)
		if now.status == http.StatusServiceUnavailable {
			p.unjudged++
		}
		if was := p.judged[i].status; was == http.StatusUnauthorized && now.status == http.StatusOK {
			p.odd = append(p.odd, fmt.Sprintf("token %d was refused, and is let in again", i))
		}
		p.judged[i] = now
	case "told":
		var status int
		_, _ = fmt.Sscan(rest, &i, &status, &a)
		if status != http.StatusUnauthorized {
			p.odd = append(p.odd, fmt.Sprintf("token %d was revoked, and gets %d", i, status))
		}
		p.told[i] = time.Unix(0, a)
	case "revoked":
		var r revoked
		_, _ = fmt.Sscan(rest, &i, &r.outcome, &a)
		r.returned = time.Unix(0, a)
		p.revoked[i] = r
	case "spent":
		var s spent
		_, _ = fmt.Sscan(rest, &i, &s.accepted, &s.refused, &s.unjudged)
		p.spent[i] = s
	case "status":
		s := new(status)
		_, _ = fmt.Sscan(rest, &a, &s.pending, &s.ready)
		s.age = time.Duration(a)
		p.status = s
	default:
		p.odd = append(p.odd, line)
	}
}

// of is what the process says of a token.
func (p *process) of(i int) answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.judged[i]
}

// tell writes a line to the process.
func (p *process) tell(words ...any) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_, _ = fmt.Fprintln(p.in, words...)
	_ = p.in.Flush() // it may have been killed
}

// judges gives it tokens, and waits until it has answered about the last.
func (p *process) judges(t *testing.T, word string, tokens []string) {
	t.Helper()
	for _, token := range tokens {
		p.tell(word, token)
	}
	eventually(t, "an answer about each token", func() bool { return p.of(len(tokens)-1).status != 0 })
}

// says asks for the state of its list.
func (p *process) says(t *testing.T) status {
	t.Helper()
	p.mu.Lock()
	p.status = nil
	p.mu.Unlock()
	p.tell("status")
	var s status
	eventually(t, "a state", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.status != nil {
			s = *p.status
		}
		return p.status != nil
	})
	return s
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(2 * time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("after two minutes there is not: %s", what)
		}
	}
}
