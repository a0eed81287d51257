// Replicas is one API in two processes, which share through PostgreSQL what was revoked: a logout at one of them is a logout at both,
// within a second.
//
//	createdb orders
//	go run ./examples/replicas -postgres "postgres:///orders?host=/var/run/postgresql"
//
// Paste the lines that it prints: the token is good at both replicas, until one of them is told to log out.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

var database = flag.String("postgres", "", "`URL` of the database that the replicas share")

func main() {
	if os.Getenv(settingIssuer) != "" {
		demo.Main(replica)
		return
	}
	demo.Main(run)
}

// The settings of a replica, which is this program again.
const (
	settingIssuer   = "REPLICA_ISSUER"
	settingDatabase = "REPLICA_POSTGRES"
	settingSecret   = "REPLICA_SECRET" // in hexadecimal; a real service keeps it where it keeps its other secrets
)

// run starts the authorization server and two replicas, of which one is this process.
func run(ctx context.Context, site demo.Site) error {
	if *database == "" {
		return errors.New("-postgres: name the database that the replicas share, such as postgres:///orders?host=/var/run/postgresql; createdb orders makes one")
	}
	if err := prepare(ctx, *database); err != nil {
		return err
	}
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	settings := map[string]string{settingIssuer: issuer.URL(), settingDatabase: *database, settingSecret: hex.EncodeToString(secret)}

	other, end, err := start(ctx, settings)
	if err != nil {
		return err
	}
	defer end()

	api, end, err := serve(ctx, func(key string) string { return settings[key] })
	if err != nil {
		return err
	}
	defer end()
	token := issuer.Token(authtest.Claims{"scope": "orders:read", "aud": audience})
	fmt.Fprintf(site.Out, "# Another replica listens on %s.\n", other)
	return site.Serve(ctx, api,
		demo.Request{Name: "good at this replica", Path: "/orders", Token: token, Status: http.StatusOK},
		demo.Request{Name: "good at the other one", Base: other, Path: "/orders", Token: token, Status: http.StatusOK},
		demo.Request{Name: "a logout at this one", Method: http.MethodPost, Path: "/logout", Token: token, Status: http.StatusNoContent},
		demo.Request{Name: "refused here from now on", Path: "/orders", Token: token, Status: http.StatusUnauthorized},
		demo.Request{Name: "refused there as well, a second later at most", Base: other, Path: "/orders", Token: token, Status: http.StatusUnauthorized},
	)
}

// prepare makes the table of revocations, before several replicas want to.
func prepare(ctx context.Context, database string) error {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return fmt.Errorf("-postgres: %w", err)
	}
	defer pool.Close()
	store, err := pgstore.New(pool, pgstore.Config{})
	if err != nil {
		return err
	}
	return store.Create(ctx)
}

// start starts a replica, and returns its address once it serves.
func start(ctx context.Context, settings map[string]string) (address string, end func(), _ error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	command := exec.CommandContext(ctx, self, "-addr", "127.0.0.1:0")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.Stderr = os.Stderr
	command.Env = os.Environ()
	for key, value := range settings {
		command.Env = append(command.Env, key+"="+value)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	end = func() {
		_ = command.Cancel()
		_ = command.Wait() // it was told to end
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, rest, found := strings.Cut(lines.Text(), "listens on "); found {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return strings.Fields(strings.TrimSuffix(rest, ". Paste these lines into another terminal:"))[0], end, nil
		}
	}
	end()
	return "", nil, errors.New("the other replica has not started: its error stands above")
}
