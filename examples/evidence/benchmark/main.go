// The benchmark compares Cardea with other Go libraries that decide about bearer tokens, side by side: same token, same
// checks, keys over HTTP, the cases taking turns. From the root of the repository:
//
//	GOWORK=off go -C examples/evidence/benchmark run .          # some ten minutes; writes results/ and the table in README.md
//	GOWORK=off go -C examples/evidence/benchmark run . -quick   # about a minute; prints only
//	GOWORK=off go -C examples/evidence/benchmark run . -costs   # some eight minutes; what users spend on Cardea alone; writes results/costs.md
//
// All traffic stays on loopback addresses.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/report"
)

// padding makes the garbage collector run as seldom as in a server that has work to do. It is never written, so it is
// no memory of the machine's.
const padding = 128 << 20

// churn lets the heap reach the size at which it is collected, as that of a server has long since: otherwise every
// allocation of the run would be paid for with a page fault.
func churn() {
	for range 3 * padding / len(garbage) {
		garbage = make([]byte, len(garbage))
	}
}

var garbage = make([]byte, 4<<10)

func main() {
	quick := flag.Bool("quick", false, "measure for about a minute, with more noise, and print the report instead of writing files")
	out := flag.String("out", "", "`directory` for results.md and the plots; default: results, none with -quick")
	cpu := flag.Bool("cpu", false, "count CPU time instead of wall time where one goroutine runs (Unix), for machines that are busy with other work")
	costs := flag.Bool("costs", false, "measure what users spend on Cardea alone, with a small heap and with a large one: costs.md")
	before := flag.String("before", "", "`file` of an earlier run with -costs, to stand beside")
	million := flag.Int("live", 0, "fill a cache with this `number` of tokens, a million for example, and print memory and time of a look-up")
	redraw := flag.Bool("redraw", false, "draw the plots in the directory again, of what an earlier run has measured, and measure nothing")
	flag.Parse()
	log.SetFlags(log.Ltime)
	if *redraw {
		if err := report.Redraw(cmp.Or(*out, "results")); err != nil {
			log.Fatal(err)
		}
		return
	}

	settings := measure.Full()
	if *quick {
		settings = measure.Quick()
	}
	if *cpu {
		if _, err := pairing.CPUClock(); err != nil {
			log.Fatal(err)
		}
		settings.CPUTime = true
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *million > 0:
		err = fill(ctx, settings, *million)
	case *costs:
		err = runCosts(ctx, settings, cmp.Or(*out, "results"), *before)
	default:
		err = run(ctx, settings, *quick, *out)
	}
	if err != nil {
		log.Print(err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, settings measure.Settings, quick bool, out string) error {
	ballast := make([]byte, padding)
	defer runtime.KeepAlive(ballast)
	churn()

	results := report.Results{Machine: report.ThisMachine(padding), Settings: settings}
	if err := measureAll(ctx, &results); err != nil {
		return err
	}
	results.Machine.LoadAfter = report.Load()

	switch {
	case out != "":
		return write(&results, out)
	case quick:
		return results.Markdown(os.Stdout)
	default:
		if err := write(&results, "results"); err != nil {
			return err
		}
		return report.Embed("README.md", results.TargetTable())
	}
}

func fill(ctx context.Context, settings measure.Settings, tokens int) error {
	machine := report.ThisMachine(0)
	c, err := measure.Million(ctx, settings, tokens)
	if err != nil {
		return err
	}
	machine.LoadAfter = report.Load()
	fmt.Print(report.Crowd(machine, c))
	return nil
}

func runCosts(ctx context.Context, settings measure.Settings, dir, before string) error {
	machine := report.ThisMachine(padding)
	log.Print("with a small heap: some four minutes")
	small, err := measure.Costs(ctx, settings)
	if err != nil {
		return err
	}
	ballast := make([]byte, padding)
	defer runtime.KeepAlive(ballast)
	churn()
	log.Print("with a large heap: as long again")
	large, err := measure.Costs(ctx, settings)
	if err != nil {
		return err
	}
	machine.LoadAfter = report.Load()
	results := report.Costs{Machine: machine, Small: small, Large: large}
	if err := results.Write(dir, before); err != nil {
		return err
	}
	log.Printf("written: %s", filepath.Join(dir, "costs.md"))
	return nil
}

func measureAll(ctx context.Context, r *report.Results) error {
	for _, step := range []struct {
		what string
		do   func(context.Context, measure.Settings) error
	}{
		{"cold verification", into(&r.Cold, measure.Colds)},
		{"cache hits", into(&r.Hits, measure.Hits)},
		{"middlewares", into(&r.Handlers, measure.Handlers)},
		{"frameworks", into(&r.Overheads, measure.Overheads)},
		{"key look-up", into(&r.LookUps, measure.LookUps)},
		{"refusals", into(&r.Refusals, measure.RefusalCosts)},
		{"memory", into(&r.Memory, measure.Footprint)},
		{"live tokens", into(&r.Grid, measure.Grid)},
		{"growth", into(&r.Growth, measure.Growths)},
		{"cores", into(&r.Scaling, measure.Scalings)},
		{"loopback HTTP", into(&r.Loopback, measure.Loopback)},
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := time.Now()
		if err := step.do(ctx, r.Settings); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		log.Printf("%s: %v", step.what, time.Since(start).Round(time.Second))
		runtime.GC()
	}
	return nil
}

func into[T any](place *T, do func(context.Context, measure.Settings) (T, error)) func(context.Context, measure.Settings) error {
	return func(ctx context.Context, s measure.Settings) (err error) {
		*place, err = do(ctx, s)
		return err
	}
}

func write(r *report.Results, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, "results.md"))
	if err != nil {
		return err
	}
	if err := r.Markdown(file); err != nil {
		_ = file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return r.Plots(dir)
}
