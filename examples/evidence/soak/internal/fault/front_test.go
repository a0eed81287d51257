package fault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/fault"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

const (
	patient   = 10 * time.Second
	impatient = 200 * time.Millisecond // what never ends is not waited for
)

// behind answers about the one token that it knows.
func behind(t *testing.T) *fault.Front {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks" {
			_, _ = w.Write([]byte(`{"keys":["all of them"]}`))
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]bool{"active": r.FormValue("token") == "at_1"})
	}))
	t.Cleanup(server.Close)
	front, err := fault.NewFront(server.URL, "a_")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	return front
}

// ask returns the answer of an endpoint, or an error.
func ask(t *testing.T, front *fault.Front, e window.Endpoint, patience time.Duration) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, front.URL+"/jwks", nil)
	if e == window.Introspection {
		request, err = http.NewRequestWithContext(ctx, http.MethodPost, front.URL+"/introspect", strings.NewReader("token=a_at_1"))
	}
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return strings.TrimSpace(string(body)), err
}

var right = map[window.Endpoint]string{window.Keys: `{"keys":["all of them"]}`, window.Introspection: `{"active":true}`}

func TestAFrontPassesRequestsOn(t *testing.T) {
	front := behind(t)
	for e, want := range right {
		if got, err := ask(t, front, e, patient); err != nil || got != want {
			t.Errorf("%v: got %s, %v", e, got, err)
		}
	}
	if front.Keys.Load() != 1 || front.Introspections.Load() != 1 || front.Metadata.Load() != 0 {
		t.Errorf("counted %d, %d, %d", front.Keys.Load(), front.Introspections.Load(), front.Metadata.Load())
	}
}

func TestEveryFaultKeepsTheRightAnswerFromTheCaller(t *testing.T) {
	for _, kind := range fault.Kinds {
		for _, e := range kind.Of {
			t.Run(kind.Name+" of "+e.String(), func(t *testing.T) {
				front := behind(t)
				front.Fail(e, kind)
				wrong := 0
				for range 2 {
					if got, err := ask(t, front, e, impatient); err != nil || got != right[e] {
						wrong++
					}
				}
				if want := map[bool]int{false: 2, true: 1}[kind.Name == "flip"]; wrong != want {
					t.Errorf("%d of 2 answers were wrong, want %d", wrong, want)
				}
				front.Fail(e, nil)
				if got, err := ask(t, front, e, patient); err != nil || got != right[e] {
					t.Errorf("after the fault: got %s, %v", got, err)
				}
				if front.Trapped.Load() != 0 {
					t.Error("the trap was visited")
				}
			})
		}
	}
}
