package introspection_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

// The limits that SECURITY.md states, each with the last value that passes and the first that does not, where no other test of this
// package has both.

func TestLimitOfAnswers(t *testing.T) {
	for _, row := range []struct {
		length int
		judged bool
	}{{64 << 10, true}, {64<<10 + 1, false}} {
		begin := `{"active":true,"padding":"`
		text := begin + strings.Repeat("x", row.length-len(begin)-2) + `"}`
		client := newClient(t, introspection.Config{}, &transport{serve: answers(text)})
		response, err := client.Introspect(t.Context(), "token")
		if judged := err == nil && response.Active(); judged != row.judged {
			t.Errorf("%d bytes: judged %v (%v), want %v", len(text), judged, err, row.judged)
		}
		if _, err := introspection.ParseResponse([]byte(text)); (err == nil) != row.judged {
			t.Errorf("%d bytes: ParseResponse: %v", len(text), err)
		}
	}
}

func TestLimitOfTokens(t *testing.T) {
	tr := &transport{serve: answers(activeText)}
	client := newClient(t, introspection.Config{}, tr)
	mustIntrospect(t, client, strings.Repeat("t", 64<<10))
	_, err := client.Introspect(t.Context(), strings.Repeat("t", 64<<10+1))
	if err == nil || errors.Is(err, introspection.ErrUnavailable) || tr.count() != 1 {
		t.Errorf("a token of 64 KiB and one byte: %v, %d requests", err, tr.count())
	}
}

func TestLimitOfTime(t *testing.T) {
	for latency, judged := range map[time.Duration]bool{2*time.Second - 1: true, 2*time.Second + 1: false} {
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t, introspection.Config{}, &transport{serve: slowly(latency, activeText)})
			began := time.Now()
			_, err := client.Introspect(t.Context(), "token")
			if (err == nil) != judged || time.Since(began) > 2*time.Second {
				t.Errorf("an answer after %v: %v after %v", latency, err, time.Since(began))
			}
		})
	}
}

func TestLimitOfAnswersKept(t *testing.T) {
	const most = 8192
	for name, text := range map[string]string{"active": activeText, "inactive": inactiveText} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // where no time goes by
				tr := &transport{serve: answers(text)}
				client := newClient(t, introspection.Config{}, tr)
				for i := range most + 1 {
					mustIntrospect(t, client, fmt.Sprint("token", i))
				}
				for i := range most {
					mustIntrospect(t, client, fmt.Sprint("token", i+1))
				}
				if tr.count() != most+1 {
					t.Errorf("%d requests: the last %d answers were not kept", tr.count(), most)
				}
				mustIntrospect(t, client, "token0")
				if tr.count() != most+2 {
					t.Errorf("more than %d answers were kept", most)
				}
			})
		})
	}
}

func TestLimitOfRequestsAtOnce(t *testing.T) {
	for configured, want := range map[int]int{0: 64, 1: 1, 65: 65} {
		synctest.Test(t, func(t *testing.T) {
			tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) { return nil, wait(r.Context(), time.Hour) }}
			client := newClient(t, introspection.Config{MaxInFlight: configured}, tr)
			for i := range 100 {
				go client.Introspect(t.Context(), fmt.Sprint("token", i))
			}
			synctest.Wait()
			if tr.count() != want || client.Status().InFlight != want {
				t.Errorf("MaxInFlight %d: %d requests at once, want %d", configured, tr.count(), want)
			}
			time.Sleep(3 * time.Second)
		})
	}
}
