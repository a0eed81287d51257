package statuslist_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

func TestStatus(t *testing.T) {
	bubble(t, statuslist.Config{StaleFor: time.Hour}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		if got := lists.Status(); got.Lists != nil || got.Bytes != 0 || got.Hits != 0 {
			t.Errorf("before anything: %+v", got)
		}
		began := time.Now()
		s.serves(testkit.Claims{"ttl": 60, "iat": began.Add(-time.Hour).Unix()}, 5)
		judged(t, lists, facts(5))
		judged(t, lists, facts(0))
		judged(t, lists, facts(64))
		judged(t, lists, middleware.TokenFacts{Issuer: testkit.Issuer, StatusIndex: -1})
		s.fails()
		for _, uri := range []string{"/z", "/a"} {
			f := facts(0)
			f.StatusURI = testkit.Issuer + uri
			judged(t, lists, f)
		}
		f := facts(0)
		f.Issuer, f.StatusURI = "https://a.example", "https://a.example/z"
		judged(t, lists, f)
		status := lists.Status()
		if status.Bytes != 8 || status.Hits != 3 || len(status.Lists) != 4 {
			t.Fatalf("%+v", status)
		}
		for i, want := range []string{"https://a.example/z", testkit.Issuer + "/a", listURI, testkit.Issuer + "/z"} {
			got := status.Lists[i]
			if got.URI != want || (got.LastError == nil) != (want == listURI) || (got.Size > 0) != (want == listURI) {
				t.Errorf("%d: %+v, want %s", i, got, want)
			}
		}
		got := status.Lists[2]
		if got.Issuer != testkit.Issuer || got.Bits != 1 || got.Size != 64 || got.Hits != 2 || got.Streams != 0 {
			t.Errorf("%+v", got)
		}
		if !got.Fetched.Equal(began) || !got.IssuedAt.Equal(began.Add(-time.Hour)) ||
			!got.CurrentUntil.Equal(began.Add(time.Minute)) || !got.UsedUntil.Equal(began.Add(time.Hour+time.Minute)) {
			t.Errorf("%+v", got)
		}
	})
}

// What is logged: the first failure, then twice a minute, and a recovery; an address that is not asked, once a minute. No query, no token.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	lines := func(want ...string) {
		t.Helper()
		got := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
		log.Reset()
		if len(got) == 1 && got[0] == "" {
			got = nil
		}
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !strings.Contains(got[i], want[i]) {
				t.Errorf("logged %q, want %q", got, want)
				return
			}
		}
	}
	bubble(t, statuslist.Config{Logger: logger}, func(t *testing.T, s *server, lists *statuslist.Lists) {
		s.fails()
		f := facts(0)
		f.StatusURI += "?key=hush"
		failure := `level=WARN msg="statuslist: a status list cannot be had" issuer=https://login.example.com ` +
			`list=https://login.example.com/lists/1 error="connection refused"`
		for range 2 * 60 * 10 {
			judged(t, lists, f)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		lines(failure, failure, failure)
		s.serves(nil)
		time.Sleep(time.Minute)
		judged(t, lists, f)
		synctest.Wait()
		lines(`level=INFO msg="statuslist: a status list can be had again"`)
		s.fails()
		refresh := func() {
			_ = lists.Refresh(t.Context())
			synctest.Wait() // whoever asked is told before the log is
		}
		for range 2 { // the second is no news
			refresh()
			time.Sleep(time.Second)
		}
		s.serves(nil)
		refresh()
		s.fails()
		refresh()
		lines(failure, `level=INFO`, failure)

		f.StatusURI = "https://status.example/1?key=hush"
		for range 600 {
			lists.Judge(f)
			time.Sleep(200 * time.Millisecond)
		}
		foreign := `level=ERROR msg="statuslist: a token names a list at an address ` +
			`from which lists of its issuer do not come, so it is refused: name it in Issuer.Origins, if it is right" ` +
			`issuer=https://login.example.com list=https://status.example/1`
		lines(foreign, foreign)
		if strings.Contains(log.String(), "hush") {
			t.Error("the query was logged")
		}
	})
}

// What a token says comes to a log as one line of ASCII, whatever the handler makes of it.
func TestWhatIsLoggedOfATokenIsBoundedAndEscaped(t *testing.T) {
	logged := make(chan string, 1)
	lists := newLists(t, keys(t), statuslist.Config{Logger: slog.New(shows{slog.DiscardHandler, logged})})
	lists.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, StatusURI: "https://s.example/\nlevel=ERROR msg=forged " + strings.Repeat("ä", 1000)})
	if got := <-logged; len(got) > 128 || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) || !strings.HasPrefix(got, `https://s.example/\n`) {
		t.Errorf("the list is shown as %q", got)
	}
}

// shows is a handler that tells what an address is shown as.
type shows struct {
	slog.Handler

	lists chan<- string
}

func (s shows) Enabled(context.Context, slog.Level) bool { return true }

func (s shows) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "list" {
			s.lists <- a.Value.String()
		}
		return true
	})
	return nil
}

func TestTheDefaultLoggerIsAskedForLate(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	lists, err := statuslist.New(keys(t), statuslist.Config{HTTPClient: &http.Client{Transport: &server{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer lists.Close()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	lists.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, StatusURI: "https://status.example/1"})
	if !strings.Contains(log.String(), "statuslist:") {
		t.Errorf("logged %q", log.String())
	}
}
