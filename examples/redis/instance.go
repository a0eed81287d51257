package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// publicURL is the address of the API for its clients, whichever instance they are led to.
const publicURL = "https://api.example.com"

// The settings of an instance. Secrets are in hexadecimal, and the same for all.
const (
	settingIssuer       = "API_ISSUER"
	settingRedis        = "API_REDIS"
	settingClient       = "API_CLIENT_ID"
	settingClientSecret = "API_CLIENT_SECRET"
	settingListSecret   = "API_REVOCATION_SECRET"
	settingCacheSecret  = "API_INTROSPECTION_SECRET"
)

// instance is the whole program of a process that serves the API.
func instance(ctx context.Context, site demo.Site) error {
	logging.Disable() // of go-redis; what matters is said by the packages below
	options, err := redis.ParseURL(os.Getenv(settingRedis))
	if err != nil {
		return fmt.Errorf("-redis: %w", err)
	}
	options.ContextTimeoutEnabled = true
	client := redis.NewClient(options)
	defer client.Close()
	store, err := redisstore.New(redisstore.Config{Client: client})
	if err != nil {
		return err
	}
	if err := store.Check(ctx); err != nil {
		return err // such as: set appendonly yes
	}
	listSecret, err := secretIn(settingListSecret)
	if err != nil {
		return err
	}
	list, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{listSecret}})
	if err != nil {
		return err
	}
	defer list.Close()
	cacheSecret, err := secretIn(settingCacheSecret)
	if err != nil {
		return err
	}
	asking, err := introspection.New(introspection.Config{
		URL:           os.Getenv(settingIssuer) + string(authtest.EndpointIntrospection),
		ClientAuth:    introspection.SecretBasic(os.Getenv(settingClient), os.Getenv(settingClientSecret)),
		Shared:        store,
		SharedSecrets: [][]byte{cacheSecret},
	})
	if err != nil {
		return err
	}
	defer asking.Close()

	auth, err := middleware.New(middleware.Config{
		Issuers:     []middleware.Issuer{{URL: os.Getenv(settingIssuer), Introspector: asking}},
		Audiences:   []string{publicURL},
		PublicURL:   publicURL,
		DPoP:        middleware.DPoP{Replays: store},
		Revocations: []middleware.Revocations{list},

		// An instance that has heard nothing of the others for longer than that judges nothing (503).
		RevocationsWithin: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	defer auth.Close()
	// Before the first full read of what was revoked every request would be 503.
	if err := auth.Warm(ctx); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "no orders yet")
	}))
	mux.Handle("POST /logout", auth.Require().Handler(list.RevokeOwn()))
	return site.Serve(ctx, mux)
}

func secretIn(setting string) ([]byte, error) {
	secret, err := hex.DecodeString(os.Getenv(setting))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return secret, nil
}
