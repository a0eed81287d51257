// Redis is one API in two processes, which share through Redis what one of them learns. It plays their clients, too, while others keep both busy,
// and prints what each is answered: a token that logs out at one is refused by both, a DPoP proof is good once, whichever it comes to, and the
// authorization server is asked about an opaque token once for both.
//
//	go run ./examples/redis
//
// It starts redis-server or valkey-server, which must be installed, and ends it. With -redis redis://localhost:6379 it uses yours.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

var shared = flag.String("redis", "", "`URL` of a Redis 7 or Valkey that the instances share; empty: one is started")

func main() {
	if os.Getenv(settingIssuer) != "" {
		demo.Main(instance)
		return
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run starts Redis, an authorization server and two instances of the API, and plays their clients.
func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	url := *shared
	if url == "" {
		server, end, err := startRedis(ctx)
		if err != nil {
			return err
		}
		defer end()
		url = server
	}
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return err
	}
	id, secret := issuer.Client()
	settings := map[string]string{
		settingIssuer: issuer.URL(), settingRedis: url, settingClient: id, settingClientSecret: secret,
		settingListSecret: newSecret(), settingCacheSecret: newSecret(),
	}
	var instances [2]string
	for i := range instances {
		address, end, err := demo.Again(ctx, settings)
		if err != nil {
			return err
		}
		defer end()
		instances[i] = address
	}
	defer http.DefaultClient.CloseIdleConnections() // one that has carried no request would hold up the end of an instance for seconds
	fmt.Fprintf(out, "Two instances of the API, %s and %s, share what they learn in %s.\n", instances[0], instances[1], url)
	return play(ctx, out, issuer, instances)
}

// newSecret makes a secret for all instances. Theirs come from where their other secrets are kept.
func newSecret() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	return hex.EncodeToString(secret)
}
