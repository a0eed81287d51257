// The soak runs an API that Cardea protects, in a process of its own, under load, while its three authorization servers fail in every
// way they can, and judges every single answer. From the root of the repository:
//
//	GOWORK=off go -C examples/evidence/soak run . -duration 30m
//	GOWORK=off go -C examples/evidence/soak run . -mode stampede
//	GOWORK=off go -C examples/evidence/soak run . -mode kids
//
// All traffic stays on loopback addresses. The exit code is 1 if any answer was wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/report"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/server"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/soak"
)

var errWrong = errors.New("soak: not everything was as promised")

func main() {
	if slices.Contains(os.Args[1:], server.ServeFlag) {
		server.Main()
		return
	}
	var (
		mode     = flag.String("mode", "soak", "`what` to run: soak, stampede (many first sights of one token) or kids (a flood of unknown keys)")
		duration = flag.Duration("duration", 30*time.Minute, "of the soak")
		every    = flag.Duration("every", 10*time.Second, "from the beginning of one fault to that of the next")
		rate     = flag.Int("rate", 4000, "requests per second; 0: as fast as they go")
		seed     = flag.Uint64("seed", rand.Uint64(), "of all random choices; default: another one for every run")
		profiles = flag.String("profiles", "", "`directory` for a heap profile of the API process each minute of the soak, which makes it slower")
		out      = flag.String("out", "results", "`directory` for the results; empty: print them only")
	)
	flag.Parse()
	log.SetFlags(log.Ltime)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	document, err := run(ctx, *mode, soak.Settings{
		Duration: *duration, Every: *every, Lasts: [2]time.Duration{2 * time.Second, 8 * time.Second},
		Rate: *rate, Conns: 64, Seed: *seed, Profiles: *profiles, Log: log.Printf,
	})
	if document != nil {
		fmt.Print(document.Markdown)
		if *out != "" {
			err = errors.Join(err, document.Write(*out, filepath.Join(filepath.Dir(*out), "README.md")))
		}
	}
	if err != nil {
		log.Print(err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, mode string, s soak.Settings) (*report.Document, error) {
	switch mode {
	case "soak":
		log.Printf("seed %d", s.Seed)
		results, err := soak.Run(ctx, s)
		if err != nil {
			return nil, err
		}
		return report.Soak(results), verdict(results.Wrong == 0)
	case "stampede":
		results, err := soak.Stampede(ctx, s)
		if err != nil {
			return nil, err
		}
		return report.Stampede(results), verdict(results.AsPromised())
	case "kids":
		results, err := soak.Kids(ctx, s)
		if err != nil {
			return nil, err
		}
		return report.Kids(results), verdict(results.AsPromised())
	default:
		return nil, fmt.Errorf("soak: -mode %q: use soak, stampede or kids", mode)
	}
}

func verdict(asPromised bool) error {
	if asPromised {
		return nil
	}
	return errWrong
}
