//go:build unix

package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrMissing says that the programs of PostgreSQL are not on this machine.
var ErrMissing = errors.New(
	"pgtest: PostgreSQL is not installed: run apt-get install --no-install-recommends postgresql, or put its initdb and postgres into PATH",
)

// Server is a PostgreSQL in a folder of its own, which its socket is in, too. It has one role, postgres, which needs no password. Its methods must
// not be called at the same time.
type Server struct {
	dir      string // of everything
	bin      string
	owner    *syscall.SysProcAttr
	settings []string
	process  *exec.Cmd
	exited   chan struct{}
	replicas []*Server
	backups  int
}

// Start makes a new database cluster and starts it, with settings such as "fsync=off". Close removes it. What need not reach a disk, because
// of that setting, is kept in memory where there is room.
func Start(settings ...string) (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	s, err := newServer(bin, settings)
	if err != nil {
		return nil, err
	}
	if err := s.makeFiles(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newServer(bin string, settings []string) (*Server, error) {
	s := &Server{bin: bin, settings: settings}
	var err error
	if s.dir, err = newDir(settings); err != nil {
		return nil, err
	}
	if s.owner, err = owner(s.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// debian is where Debian has the programs of every version.
var debian = "/usr/lib/postgresql/*/bin/initdb"

// find returns the folder of the server's programs.
func find() (string, error) {
	found, _ := filepath.Glob(debian)
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if path, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		found = append(found, filepath.Join(strings.TrimSpace(string(path)), "initdb"))
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	for _, path := range slices.Backward(found) {
		path, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), "pg_isready")); err == nil {
			return filepath.Dir(path), nil
		}
	}
	return "", ErrMissing
}

// version reads 15 from /usr/lib/postgresql/15/bin/initdb.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// owner gives dir to a user who may run a server: PostgreSQL refuses root.
func owner(dir string) (*syscall.SysProcAttr, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		if who, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("pgtest: root may not run PostgreSQL, and neither postgres nor nobody is a user here: %w", err)
		}
	}
	uid, _ := strconv.ParseUint(who.Uid, 10, 32)
	gid, _ := strconv.ParseUint(who.Gid, 10, 32)
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = s.owner, s.dir
	cmd.Env = append(os.Environ(), "PGHOST="+s.dir, "PGUSER=postgres", "LC_ALL=C")
	return cmd
}

func (s *Server) run(name string, args ...string) ([]byte, error) {
	return s.command(name, args...).CombinedOutput()
}

// patience is how long the server may take to start. Recovery after a kill takes longest.
const patience = time.Minute

func (s *Server) start() error {
	args := []string{"-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		s.process, s.exited = s.command("postgres", args...), make(chan struct{})
		s.process.Stdout, s.process.Stderr = log, log
		if err := s.process.Start(); err != nil {
			return fmt.Errorf("pgtest: %w", err)
		}
		go func() { _ = s.process.Wait(); close(s.exited) }()
		if s.ready(limit) {
			return nil
		}
		time.Sleep(20 * time.Millisecond) // what a killed server leaves behind goes away by itself
	}
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return fmt.Errorf("pgtest: the server does not start: %s", text[max(0, len(text)-2000):])
}

// ready waits until the server says in its file that it answers, as pg_ctl does. It says false if the server has ended.
func (s *Server) ready(limit time.Time) bool {
	pid := strconv.Itoa(s.process.Process.Pid)
	for time.Now().Before(limit) {
		select {
		case <-s.exited:
			return false
		case <-time.After(2 * time.Millisecond):
		}
		text, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
		if lines := strings.Split(string(text), "\n"); len(lines) > 7 && lines[0] == pid {
			if state := strings.TrimSpace(lines[7]); state == "ready" || state == "standby" {
				return true
			}
		}
	}
	return false
}

// URL is a connection string for a database; there is one called postgres.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s sslmode=disable", s.dir, database)
}

// Kill ends the server and every process of it at once (kill -9).
func (s *Server) Kill() error {
	if s.ended(0) {
		return nil
	}
	pids := s.processes()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	if !s.ended(patience) {
		return errors.New("pgtest: the server does not end")
	}
	return nil
}

// ended waits so long for the end of the server, and says whether it has ended. From then on its number may be another process's.
func (s *Server) ended(within time.Duration) bool {
	limit := time.After(within)
	select {
	case <-s.exited:
		return true
	default:
	}
	select {
	case <-s.exited:
		return true
	case <-limit:
		return false
	}
}

// Restart kills the server, unless it has ended, and starts it again.
func (s *Server) Restart() error { return errors.Join(s.Kill(), s.start()) }

// Begin starts the server after Kill.
func (s *Server) Begin() error { return s.start() }

// Stall stops every process of the server, so that it answers nobody, until resume is called.
func (s *Server) Stall() (resume func() error, err error) {
	pids := s.processes()
	send := func(signal syscall.Signal) error {
		if err := syscall.Kill(pids[0], signal); err != nil {
			return fmt.Errorf("pgtest: %w", err)
		}
		for _, pid := range pids[1:] {
			_ = syscall.Kill(pid, signal) // it may have ended
		}
		return nil
	}
	return func() error { return send(syscall.SIGCONT) }, send(syscall.SIGSTOP)
}

// processes are the server's, the first one of them in front.
func (s *Server) processes() []int {
	pids := []int{s.process.Process.Pid}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (name) state parent …; a name may have spaces and parentheses.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pids[0]) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Backup copies the files of the server, which is restarted for it; restore puts the copy in their place, as somebody does who has no
// better backup.
func (s *Server) Backup() (restore func() error, err error) {
	s.backups++
	copied := filepath.Join(s.dir, fmt.Sprint("backup", s.backups))
	if err := errors.Join(s.Kill(), s.copy(s.data(), copied), s.start()); err != nil {
		return nil, err
	}
	return func() error {
		return errors.Join(s.Kill(), os.RemoveAll(s.data()), s.copy(copied, s.data()), s.start())
	}, nil
}

// Dump returns a database as SQL, by pg_dump.
func (s *Server) Dump(database string, args ...string) ([]byte, error) {
	out, err := s.command("pg_dump", append(args, database)...).Output()
	if err != nil {
		return nil, fmt.Errorf("pgtest: pg_dump: %w", err)
	}
	return out, nil
}

// Load runs SQL in a database, by psql.
func (s *Server) Load(database string, sql []byte) error {
	cmd := s.command("psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", database)
	cmd.Stdin = bytes.NewReader(sql)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: psql: %w: %s", err, out)
	}
	return nil
}

// Replica starts a standby of the server, which ends with it. It answers reads, and writes once Promote was called.
func (s *Server) Replica(settings ...string) (*Server, error) {
	r, err := newServer(s.bin, settings)
	if err != nil {
		return nil, err
	}
	s.replicas = append(s.replicas, r)
	if out, err := s.run("pg_basebackup", "-D", r.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync"); err != nil {
		return nil, fmt.Errorf("pgtest: pg_basebackup: %w: %s", err, out)
	}
	return r, r.start()
}

// Promote makes a standby a server of its own.
func (s *Server) Promote() error {
	if out, err := s.run("pg_ctl", "promote", "-D", s.data(), "-w"); err != nil {
		return fmt.Errorf("pgtest: pg_ctl promote: %w: %s", err, out)
	}
	return nil
}

// Close ends the server and its standbys and removes everything.
func (s *Server) Close() error {
	var errs []error
	for _, r := range s.replicas {
		errs = append(errs, r.Close())
	}
	if s.process != nil && !s.ended(0) {
		_ = s.process.Process.Signal(syscall.SIGQUIT) // it takes its shared memory away, which kill -9 leaves there
		if !s.ended(10 * time.Second) {
			errs = append(errs, s.Kill())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// TB is what Need and For ask of a testing.TB.
type TB interface {
	Helper()
	Cleanup(run func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Skip(args ...any)
}

// Need skips a test without PostgreSQL, where err is ErrMissing; in CI, and for any other error, the test fails.
func Need(tb TB, err error) {
	tb.Helper()
	switch {
	case errors.Is(err, ErrMissing) && os.Getenv("CI") == "":
		tb.Skip(err)
	case err != nil:
		tb.Fatal(err)
	}
}

// For starts a server for a test and closes it with the test.
func For(tb TB, settings ...string) *Server {
	tb.Helper()
	s, err := Start(settings...)
	Need(tb, err)
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("%v", err)
		}
	})
	return s
}
