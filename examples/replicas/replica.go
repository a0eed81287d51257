package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

const audience = "https://api.example.com"

// replica is the whole program of a process that serves the API.
func replica(ctx context.Context, site demo.Site) error {
	api, end, err := serve(ctx, os.Getenv)
	if err != nil {
		return err
	}
	defer end()
	return site.Serve(ctx, api)
}

// serve makes the API of one replica. end ends what it has started.
func serve(ctx context.Context, setting func(string) string) (api http.Handler, end func(), err error) {
	pool, err := pgxpool.New(ctx, setting(settingDatabase))
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	secret, err := hex.DecodeString(setting(settingSecret))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", settingSecret, err)
	}
	store, err := pgstore.New(pool, pgstore.Config{})
	if err != nil {
		return nil, nil, err
	}
	list, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{secret}})
	if err != nil {
		return nil, nil, err
	}
	auth, err := middleware.New(middleware.Config{
		Issuers:     []middleware.Issuer{{URL: setting(settingIssuer)}},
		Audiences:   []string{audience},
		Revocations: []middleware.Revocations{list},

		// A replica that has heard nothing of the others for longer than that judges nothing (503).
		RevocationsWithin: 10 * time.Second,
	})
	if err != nil {
		return nil, nil, errors.Join(err, list.Close())
	}
	end = func() {
		_ = auth.Close()
		_ = list.Close()
		pool.Close()
	}
	// Before the first full read of what was revoked every request would be 503. Whoever waits for it wants to know why it does not come.
	warm, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := auth.Warm(warm); err != nil {
		end()
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "no orders yet")
	}))
	mux.Handle("POST /logout", auth.Require().Handler(list.RevokeOwn()))
	return mux, end, nil
}
