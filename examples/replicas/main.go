// Replicas is one API in two processes, which share through PostgreSQL what was revoked: a logout at one of them is a logout at both,
// within a second.
//
//	createdb orders
//	go run ./examples/replicas -postgres "postgres:///orders?host=/var/run/postgresql"
//
// Paste the lines that it prints: the token is good at both replicas, until one of them is told to log out.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"

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
	// Entries that an earlier run has left are read with the secret that they were made with, so a demonstration needs one that stays.
	secret := sha256.Sum256([]byte("no secret at all: a real one comes from a random generator"))
	settings := map[string]string{settingIssuer: issuer.URL(), settingDatabase: *database, settingSecret: hex.EncodeToString(secret[:])}

	other, end, err := demo.Again(ctx, settings)
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
