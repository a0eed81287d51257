package main

import (
	"bytes"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// asInAProgram is the default of a program that sets none. The other tests are silent.
var asInAProgram = slog.Default()

func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

// The README shows what a refusal prints. It does print that.
func TestTheReadmeShowsWhatARefusalPrints(t *testing.T) {
	var printed bytes.Buffer
	before, flags := slog.Default(), log.Flags()
	defer func() { slog.SetDefault(before); log.SetOutput(os.Stderr); log.SetFlags(flags) }()
	slog.SetDefault(asInAProgram)
	log.SetOutput(&printed)
	log.SetFlags(0)

	server := authtest.NewIssuer(t)
	keys, err := jwks.New(jwks.Config{Issuer: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: keys}},
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))
	r := httptest.NewRequest("GET", "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+server.Token(authtest.Claims{"iss": "https://login.example.com", "aud": "https://api.example.com/"}))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)

	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if line := strings.TrimSpace(printed.String()); !strings.HasPrefix(line, "INFO ") || !strings.Contains(string(readme), "\n"+line+"\n") {
		t.Errorf("the README does not show this line:\n%s", line)
	}
	_, shown, _ := strings.Cut(string(readme), "HTTP/1.1 401 Unauthorized: {")
	shown, _, _ = strings.Cut(shown, ", …}")
	if body := w.Body.String(); w.Code != http.StatusUnauthorized || !strings.Contains(body, shown) || shown == "" {
		t.Errorf("the client is answered with %d %s, and the README shows %s", w.Code, body, shown)
	}
}
