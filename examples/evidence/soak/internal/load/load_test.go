package load_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/load"
)

func TestQuantilesAreWithinFivePercent(t *testing.T) {
	var h load.Histogram
	for ms := 1; ms <= 1000; ms++ {
		h.Add(time.Duration(ms) * time.Millisecond)
	}
	for _, row := range []struct {
		share float64
		want  time.Duration
	}{{0.5, 500 * time.Millisecond}, {0.99, 990 * time.Millisecond}, {1, time.Second}, {0.001, time.Millisecond}} {
		got := h.Now().Quantile(row.share)
		if ratio := float64(got) / float64(row.want); ratio < 1 || ratio > 1.0501 {
			t.Errorf("%v: got %v, want %v", row.share, got, row.want)
		}
	}
	if got := (load.Counts{}).Quantile(0.99); got != 0 {
		t.Errorf("of nothing: got %v", got)
	}
	before := h.Now()
	h.Add(time.Hour)
	if got := h.Now().Since(before); got.Total() != 1 || got.Quantile(0.5) < time.Minute {
		t.Errorf("the difference is %d, %v", got.Total(), got.Quantile(0.5))
	}
}

func TestAPacerRests(t *testing.T) {
	for _, rate := range []int{0, 1000} {
		synctest.Test(t, func(t *testing.T) {
			p := load.NewPacer(rate)
			start := time.Now()
			p.Begin(start)
			p.Rest(start.Add(time.Second))
			for range 10 {
				p.Wait(t.Context())
			}
			if took := time.Since(start); took < time.Second || took > time.Second+10*time.Millisecond {
				t.Errorf("at %d a second ten turns came after %v, want none in the second of rest and all soon after it", rate, took)
			}
		})
	}
}

func TestAPacerKeepsItsRate(t *testing.T) {
	p := load.NewPacer(1000)
	start := time.Now()
	p.Begin(start)
	for range 50 {
		if !p.Wait(context.Background()) {
			t.Fatal("it ended")
		}
	}
	if took := time.Since(start); took < 49*time.Millisecond {
		t.Errorf("50 requests at 1000/s took only %v", took)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if p.Wait(ended) {
		t.Error("it goes on after its end")
	}
}

func TestAnswersAreRead(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.Header().Set("Soak-Reason", "signature")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte("no"))
	}))
	defer api.Close()
	c := load.Conn{Addr: api.Listener.Addr().String()}
	defer c.Close()
	for range 2 {
		got, err := c.Do([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		if want := (load.Response{Status: 401, Body: "no", Challenge: true, Reason: "signature"}); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
		got, err = c.Do([]byte("GET /away HTTP/1.1\r\nHost: x\r\n\r\n"))
		if want := (load.Response{Status: 503, RetryAfter: true}); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	for _, text := range []string{
		"", "HTTP/1.1", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 1024))
			_, _ = conn.Write([]byte(text))
			_ = conn.Close()
		}()
		c := load.Conn{Addr: listener.Addr().String()}
		if got, err := c.Do([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
		_ = listener.Close()
	}
}
