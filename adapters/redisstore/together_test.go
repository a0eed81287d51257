//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/adapters/redisstore/redistest"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

var _ introspection.SharedCache = (*redisstore.Store)(nil)

// Two instances with one log: what one revokes the other refuses, also one that starts later, and nothing of it can be read on the server.
func TestWhatOneListRevokesAllRefuse(t *testing.T) {
	onEngines(t, func(t *testing.T, e redistest.Engine) {
		server := e.Start(t, redistest.Durable...)
		start := func() *revocation.List {
			secrets := [][]byte{bytes.Repeat([]byte("cardea12"), 4)}
			list, err := revocation.New(revocation.Config{Store: newStore(t, server.Client(), nil), Secrets: secrets, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = list.Close() })
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := list.Warm(ctx); err != nil {
				t.Fatal(err)
			}
			return list
		}
		one, other := start(), start()
		now := time.Now()
		facts := middleware.TokenFacts{
			Issuer: "https://login.example.com", ID: "id-that-nobody-reads", IssuedAt: now.Add(-time.Minute), Expiry: now.Add(time.Hour),
		}
		entry := revocation.Entry{Kind: revocation.Token, Issuer: facts.Issuer, Value: facts.ID, Until: facts.Expiry}
		if err := one.Revoke(context.Background(), entry); err != nil {
			t.Fatal(err)
		}
		for name, list := range map[string]*revocation.List{"one": one, "other": other, "one that starts later": start()} {
			eventually(t, name+" refuses it", func() bool { return list.Judge(facts).Kind != "" })
		}
		files, err := filepath.Glob(filepath.Join(server.Dir(), "appendonlydir", "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(err, files)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte("nobody-reads")) || bytes.Contains(text, []byte("login.example.com")) {
				t.Errorf("%s tells what was revoked, or cannot be read: %v", file, err)
			}
		}
	})
}
