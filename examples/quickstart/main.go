// Quickstart protects a small API with Cardea, first with an authorization server of its own, so that it needs no account:
//
//	go run ./examples/quickstart
//
// and then the same API with a real provider:
//
//	go run ./examples/quickstart -issuer https://login.example.com -audience https://api.example.com
//
// It prints the requests to try as curl lines. Why a request was refused is in its log, and not in the answer.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
)

func main() {
	var p provider
	p.define(flag.CommandLine)
	demo.Main(func(ctx context.Context, site demo.Site) error { return run(ctx, site, p) })
}

func run(ctx context.Context, site demo.Site, p provider) error {
	// Whom to trust, and the name of this API in their tokens.
	start := p.start
	if p == (provider{}) {
		start = startLocal
	}
	config, try, err := start(ctx)
	if err != nil {
		return err
	}
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))

	// The Validator knows who is trusted; the Guards made from it, in newAPI, know what each route demands.
	auth, err := middleware.New(config)
	if err != nil {
		return err
	}
	defer auth.Close()

	// The API comes up all the same if the provider is down: tokens are then answered with 503 until it is back.
	if err := auth.Warm(ctx); err != nil {
		config.Logger.Warn("cannot load the keys yet; is the issuer right?", "error", err)
	}
	return site.Serve(ctx, newAPI(auth), try...)
}
