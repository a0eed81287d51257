package revocation_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// syncedLog is a log that several goroutines write.
type syncedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *syncedLog) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *syncedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Whoever is told that a Store cannot be followed is told as well when that is over, once.
func TestTheEndOfTroubleIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		var log syncedLog
		l := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err := l.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		const over = "the Store is followed again"
		if strings.Contains(log.String(), over) {
			t.Errorf("without trouble the log says %s", log.String())
		}
		resume, _ := store.Stall()
		store.Cut(errors.New("connection lost"))
		time.Sleep(10 * time.Minute)
		_ = resume()
		time.Sleep(time.Minute)
		if got := log.String(); !strings.Contains(got, "connection lost") || strings.Count(got, over) != 1 {
			t.Errorf("the log is %s", got)
		}
	})
}

// What is looked at is what is known, errors included: encoding/json writes an error as {}.
func TestTheStatusAsJSON(t *testing.T) { synctest.Test(t, testTheStatusAsJSON) }

func testTheStatusAsJSON(t *testing.T) {
	l := newList(t, revocation.Config{Store: broken{errors.New("connection refused")}, Secrets: [][]byte{secretOf(1)}})
	feed, err := l.Feed("logout", "https://i")
	if err != nil {
		t.Fatal(err)
	}
	feed.Refused(errors.New("no key"))
	_ = feed.SetBlind(t.Context(), "paused") // which cannot be shared now
	eventually(t, "an error", func() bool { return l.Status().LastError != nil })
	var got struct {
		LastError    string      `json:"last_error"`
		SecretsUntil []time.Time `json:"secrets_until"`
		Feeds        []struct {
			Name, Issuer, Blind string
			Refused             int
			LastError           string `json:"last_error"`
		}
	}
	w := httptest.NewRecorder()
	l.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.LastError != "connection refused" || len(got.SecretsUntil) != 1 || len(got.Feeds) != 1 {
		t.Fatalf("%s", w.Body)
	}
	if f := got.Feeds[0]; f.Name != "logout" || f.Issuer != "https://i" || f.Blind != "paused" || f.Refused != 1 || f.LastError != "no key" {
		t.Errorf("%s", w.Body)
	}
	if text, err := json.Marshal(newList(t, revocation.Config{}).Status()); err != nil || !strings.Contains(string(text), `"feeds":[]`) {
		t.Errorf("%s, %v", text, err)
	}
}

// A list of one process shares nothing, and does not say that it did.
func TestWithoutAStoreNothingIsCalledShared(t *testing.T) {
	for _, row := range []struct {
		cfg  revocation.Config
		want bool
	}{
		{revocation.Config{}, false},
		{revocation.Config{Store: storetest.NewMemory(), Secrets: [][]byte{secretOf(1)}}, true},
	} {
		var log syncedLog
		row.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		l := newList(t, row.cfg)
		ctx := middleware.ContextWithToken(t.Context(), &middleware.Token{Issuer: "https://i", ID: "j"})
		w := httptest.NewRecorder()
		l.RevokeOwn().ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/", nil))
		if w.Code != 204 || strings.Contains(log.String(), "shared=true") != row.want || strings.Contains(log.String(), "shared=false") {
			t.Errorf("%T: %d, and the log is %s", row.cfg.Store, w.Code, log.String())
		}
	}
}
