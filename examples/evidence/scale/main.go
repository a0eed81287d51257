// Scale says what revocations cost an instance, and what instances cost the engine that they share them through: it measures up to ten million
// entries, and up to eight processes on a Redis and a PostgreSQL that it starts, and simulates what one machine cannot be measured with.
//
//	go run ./examples/evidence/scale             # some seconds: simulates, of results/measured.json, and writes the tables and the plots
//	go run ./examples/evidence/scale -measure    # some ten minutes and two gigabytes: measures first
//
// All traffic stays on the loopback interface.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/report"
)

func main() {
	dir := flag.String("dir", "examples/evidence/scale", "`directory` of README.md and results")
	take := flag.Bool("measure", false, "measure first")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	was, err := measure.Child(ctx)
	if !was {
		err = run(ctx, *dir, *take)
	}
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// sizes are those of the lists that are measured.
var sizes = []int{1000, 10_000, 100_000, 1_000_000, 10_000_000}

func run(ctx context.Context, dir string, take bool) error {
	results := filepath.Join(dir, "results")
	file := filepath.Join(results, "measured.json")
	if take {
		m, err := measure.All(ctx, sizes, measure.Full(), measure.Some())
		if err != nil {
			return err
		}
		if err := m.Save(file); err != nil {
			return err
		}
	}
	m, err := figures.Load(file)
	if err != nil {
		return err
	}
	r, err := report.Of(m)
	if err != nil {
		return err
	}
	if err := r.Write(results); err != nil {
		return err
	}
	return embed(r, filepath.Join(dir, "README.md"))
}

func embed(r *report.Results, path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := r.Embed(string(page))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
