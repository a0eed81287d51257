// Zitadel is the example server of zitadel/oidc, its pages and its storage in memory, with apps that the sheet needs: their scopes are read and
// write, some get JWTs, and what the example has only one of, the key, can be exchanged.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// apps are the names of clients. What ends with -jwt gets JWTs.
var apps = []string{"app", "app-jwt", "other", "other-jwt"}

func main() {
	if err := serve(os.Getenv("REDIRECT"), os.Getenv("LOGIN"), os.Getenv("SECRET")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs until standard input ends. It tells its issuer, and obeys the lines that come: one word for each thing that rotate knows.
func serve(redirect, login, secret string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := fmt.Sprintf("http://%s/", listener.Addr())
	for _, id := range append([]string{"api"}, apps...) {
		storage.RegisterClients(storage.WebClient(id, secret, redirect))
	}
	users := storage.NewUserStore(issuer)
	for _, id := range []string{"id1", "id2"} {
		users.GetUserByID(id).Password = secret
	}
	store, err := newStore(storage.NewStorage(users), login)
	if err != nil {
		return err
	}
	var opaque [32]byte // the example has a fixed one, which everybody knows
	if _, err := rand.Read(opaque[:]); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	example := exampleop.SetupServer(issuer, store, logger, false, op.WithCrypto(op.NewAESCrypto(opaque)))
	server := &http.Server{Handler: example, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	defer server.Shutdown(context.Background())

	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode(map[string]string{"Issuer": issuer}); err != nil {
		return err
	}
	for commands := bufio.NewScanner(os.Stdin); commands.Scan(); {
		kids, err := store.rotate(commands.Text())
		if err != nil {
			return err
		}
		if err := answers.Encode(map[string][]string{"KIDs": kids}); err != nil {
			return err
		}
	}
	return nil
}
