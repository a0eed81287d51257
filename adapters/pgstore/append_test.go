package pgstore_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Entries that wait for a commit share the next one.
func TestAppendsShareTransactions(t *testing.T) {
	t.Parallel()
	pool, cfg := connect(t, server(t).URL("postgres")), newLog()
	s := created(t, pool, cfg)
	const n = 2000
	var appending sync.WaitGroup
	for i := range n {
		appending.Go(func() {
			if err := s.Append(t.Context(), binary.BigEndian.AppendUint64(nil, uint64(i)), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	appending.Wait()
	var entries, transactions int
	if err := pool.QueryRow(t.Context(), "select count(*), count(distinct xid) from "+cfg.Prefix+"_revocations").Scan(&entries, &transactions); err != nil {
		t.Fatal(err)
	}
	if entries != n || transactions > n/4 {
		t.Errorf("%d entries in %d transactions, want %d in a few", entries, transactions, n)
	}
}

// Whatever the role says, a commit is on disk before it is acknowledged; a role that says more keeps it.
func TestCommitsAreDurable(t *testing.T) {
	t.Parallel()
	sv, cfg := server(t), newLog()
	admin := connect(t, sv.URL("postgres"))
	created(t, admin, cfg)
	note := cfg.Prefix + "_note"
	for _, sql := range []string{
		"create table " + note + " (setting text)",
		"create function " + note + "() returns trigger language plpgsql as $$ begin insert into " + note + " values (current_setting('synchronous_commit')); return null; end $$",
		"create constraint trigger note after insert on " + cfg.Prefix + "_revocations deferrable initially deferred for each row execute function " + note + "()",
		"create constraint trigger note after insert on " + cfg.Prefix + "_replays deferrable initially deferred for each row execute function " + note + "()",
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for i, row := range []struct{ role, commit string }{
		{"off", "on"}, {"local", "on"}, {"remote_write", "on"}, {"on", "on"}, {"remote_apply", "remote_apply"},
	} {
		s := open(t, connect(t, sv.URL("postgres")+" options='-c synchronous_commit="+row.role+"'"), cfg)
		if err := s.Append(t.Context(), make([]byte, 8), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Add(t.Context(), fmt.Sprint(i), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		var settings []string
		if err := admin.QueryRow(t.Context(), "select array_agg(setting) from "+note).Scan(&settings); err != nil {
			t.Fatal(err)
		}
		if len(settings) != 2 || settings[0] != row.commit || settings[1] != row.commit {
			t.Errorf("%s: the commits were %q, want %q", row.role, settings, row.commit)
		}
		if _, err := admin.Exec(t.Context(), "truncate "+note); err != nil {
			t.Fatal(err)
		}
	}
}

// Without a deadline of its own, a call to a server that is silent ends with Config.Timeout.
func TestASilentServer(t *testing.T) {
	sv, cfg := server(t), newLog()
	cfg.Timeout, cfg.TrimEvery = 300*time.Millisecond, -1
	s := created(t, connect(t, sv.URL("postgres")), cfg)
	resume, err := sv.Stall()
	if err != nil {
		t.Fatal(err)
	}
	_, _, followed := read(t, s, "")
	appended := s.Append(t.Context(), make([]byte, 8), time.Now().Add(time.Hour))
	fresh, added := s.Add(t.Context(), "key", time.Now().Add(time.Hour))
	if err := resume(); err != nil {
		t.Fatal(err)
	}
	if followed == nil || isGap(followed) || appended == nil || added == nil || fresh {
		t.Errorf("Follow: %v; Append: %v; Add: %t, %v", followed, appended, fresh, added)
	}
	if err := retry(func() error { return s.Append(t.Context(), make([]byte, 8), time.Now().Add(time.Hour)) }); err != nil {
		t.Errorf("when it answers again: %v", err)
	}
}

// A process that appends is killed; what it had acknowledged is there.
func TestAnAppenderIsKilled(t *testing.T) {
	t.Parallel()
	sv, cfg := server(t), newLog()
	s := created(t, connect(t, sv.URL("postgres")), cfg)
	other := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	other.Env = append(os.Environ(), "CARDEA_PG="+sv.URL("postgres"), "CARDEA_PREFIX="+cfg.Prefix)
	acknowledged, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	var last uint64
	for lines := bufio.NewScanner(acknowledged); lines.Scan(); {
		if n, _ := fmt.Sscanf(lines.Text(), "acknowledged %d", &last); n == 1 && last == 500 {
			if err := other.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := other.Wait(); err == nil || last < 500 {
		t.Fatalf("it ended with %v after %d", err, last)
	}
	numbers, _, err := read(t, s, "")
	if err != nil || uint64(len(numbers)) < last {
		t.Errorf("%d entries are there of %d that were acknowledged: %v", len(numbers), last, err)
	}
}

// TestOtherProcess is what the other process runs.
func TestOtherProcess(t *testing.T) {
	url := os.Getenv("CARDEA_PG")
	if url == "" {
		t.Skip("this is for another process")
	}
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	cfg := newLog()
	cfg.Prefix = os.Getenv("CARDEA_PREFIX")
	s := open(t, pool, cfg)
	for n := uint64(1); ; n++ {
		if err := s.Append(t.Context(), binary.BigEndian.AppendUint64(nil, n), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", n)
	}
}
