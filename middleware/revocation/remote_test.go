package revocation_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// settingRevoker makes this program the other process: a Store that is followed over a connection, and a List on it that revokes.
const settingRevoker = "REVOCATION_TEST_REVOKER"

func TestMain(m *testing.M) {
	if os.Getenv(settingRevoker) == "" {
		os.Exit(m.Run())
	}
	if err := revoker(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	perSecond = 10_500  // with the pauses in which it is told what to do they are ten thousand
	atFirst   = 100_000 // entries
)

// revoker serves until its input ends. It writes the address of its Store, and after each line that comes, of which the first makes it revoke and the
// second rest and so on, how many entries there are.
func revoker(ctx context.Context, in io.Reader, out io.Writer) error {
	store := storetest.NewMemory()
	list, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, MaxEntries: 1 << 24, Logger: silent})
	if err != nil {
		return err
	}
	defer list.Close()
	entries := 0
	revoke := func() error {
		kinds := []revocation.Kind{revocation.Token, revocation.Session, revocation.Subject, revocation.Client}
		entries++
		return list.Revoke(ctx, revocation.Entry{Kind: kinds[entries%len(kinds)], Issuer: "https://i", Value: fmt.Sprint("value ", entries)})
	}
	for entries < atFirst {
		if err := revoke(); err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveLog(store, conn)
		}
	}()
	fmt.Fprintln(out, l.Addr())
	lines := make(chan struct{})
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(in); scan.Scan(); {
			lines <- struct{}{}
		}
	}()
	for range lines {
		fmt.Fprintln(out, entries)
		began, before := time.Now(), entries
		for resting := false; !resting; {
			for due := before + int(time.Since(began).Seconds()*perSecond); entries < due; {
				if err := revoke(); err != nil {
					return err
				}
			}
			select {
			case <-lines:
				resting = true
			case <-time.After(time.Millisecond):
			}
		}
		fmt.Fprintln(out, entries)
	}
	return nil
}

// serveLog writes what a Memory delivers: the length of each entry in two bytes, and then the entry. A length of zero answers a byte that came: what was
// there before it came was written.
func serveLog(store *storetest.Memory, conn net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer conn.Close()
	var asked atomic.Pointer[time.Time]
	go func() {
		defer cancel()
		for one := make([]byte, 1); ; {
			if _, err := conn.Read(one); err != nil {
				return
			}
			now := time.Now()
			asked.Store(&now)
		}
	}()
	out := bufio.NewWriter(conn)
	write := func(entry []byte) {
		_, _ = out.Write(binary.BigEndian.AppendUint16(nil, uint16(len(entry))))
		_, _ = out.Write(entry)
	}
	_ = store.Follow(ctx, "", func(entry []byte, _ string) error {
		write(entry)
		return nil
	}, func(t time.Time) {
		if at := asked.Load(); at != nil && at.Before(t) && asked.CompareAndSwap(at, nil) {
			write(nil)
		}
		_ = out.Flush()
	})
}

// remote is the Store of the other process, for whoever revokes nothing.
type remote struct{ address string }

func (remote) Append(context.Context, []byte, time.Time) error {
	return errors.New("the other process alone revokes")
}

func (r remote) Follow(ctx context.Context, _ string, deliver func([]byte, string) error, alive func(time.Time)) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.address)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	in := bufio.NewReader(conn)
	buf := make([]byte, revocation.MaxRecord)
	asked := make(chan time.Time, 1)
	ask := func() {
		asked <- time.Now()
		_, _ = conn.Write([]byte{0})
	}
	ask()
	for {
		head, err := in.Peek(2)
		if err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint16(head))
		_, _ = in.Discard(2)
		if n == 0 {
			alive(<-asked)
			time.AfterFunc(100*time.Millisecond, ask)
			continue
		}
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return err
		}
		if err := deliver(buf[:n], ""); err != nil {
			return err
		}
	}
}

// otherProcess is a revoker from outside.
type otherProcess struct {
	store remote
	in    io.Writer
	out   *bufio.Scanner
}

func beginRevoker(t testing.TB) *otherProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(self)
	command.Env = append(os.Environ(), settingRevoker+"=1")
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait()
	})
	p := &otherProcess{in: in, out: bufio.NewScanner(out)}
	p.store.address = p.line(t)
	return p
}

func (p *otherProcess) line(t testing.TB) string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatalf("the other process is gone: %v", p.out.Err())
	}
	return strings.TrimSpace(p.out.Text())
}

// turn makes it revoke if it rests, and rest if it revokes, and returns how many entries there were then.
func (p *otherProcess) turn(t testing.TB) (entries int) {
	t.Helper()
	if _, err := fmt.Fprintln(p.in); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(p.line(t), &entries); err != nil {
		t.Fatal(err)
	}
	return entries
}
