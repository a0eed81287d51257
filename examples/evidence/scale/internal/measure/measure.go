// Package measure takes the figures of package figures: of lists, and of what they cost in a Redis and a PostgreSQL that it starts, with
// processes that follow. It starts the program that it is part of again, for each of those processes.
package measure

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
)

// Full is everything, for Redis.
func Full() Plan {
	p := Plan{Append: 5 * time.Second, Records: 1 << 15, Idle: 6 * time.Second, Rest: 100_000, SpreadFor: 10 * time.Second, Settle: 3 * time.Second}
	for _, followers := range []int{1, 2, 4, 8} {
		p.Reads = append(p.Reads, Load{Followers: followers, Entries: 100_000})
	}
	p.Reads = append(p.Reads, Load{Followers: 1, Entries: 1_000_000}, Load{Followers: 8, Entries: 1_000_000})
	for _, followers := range []int{1, 2, 4, 8} {
		p.Spreads = append(p.Spreads, Load{Followers: followers, Rate: 100})
	}
	p.Crowds = []int{8, 100, 1000}
	for _, rate := range []float64{5, 30, 300, 1000, 2000} {
		p.Spreads = append(p.Spreads, Load{Followers: 8, Rate: rate})
	}
	return p
}

// Some is enough for an engine that is not simulated.
func Some() Plan {
	p := Full()
	p.Crowds = []int{8, 100}
	p.Reads = []Load{{Followers: 1, Entries: 100_000}, {Followers: 8, Entries: 100_000}, {Followers: 1, Entries: 1_000_000}}
	p.Spreads = []Load{{Followers: 1, Rate: 100}, {Followers: 8, Rate: 100}, {Followers: 8, Rate: 1000}}
	return p
}

// Quick is a look at whether it works.
func Quick() Plan {
	return Plan{
		Append: 100 * time.Millisecond, Records: 1000, Idle: 300 * time.Millisecond, Crowds: []int{4}, Rest: 2000, Reads: []Load{{Followers: 2, Entries: 5000}},
		Spreads: []Load{{Followers: 2, Rate: 100}}, SpreadFor: 300 * time.Millisecond, Settle: 300 * time.Millisecond,
	}
}

// Server starts an engine, measures and ends it.
func server(ctx context.Context, start func(context.Context) (Server, error), plan Plan) (e figures.Engine, record int, err error) {
	s, err := start(ctx)
	if err != nil {
		return e, 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return Engine(ctx, s, plan)
}

// All measures lists of these sizes, and both engines.
func All(ctx context.Context, sizes []int, redis, postgres Plan) (*figures.Measured, error) {
	m := &figures.Measured{Machine: thisMachine()}
	var err error
	if m.Redis, m.Record, err = server(ctx, NewRedis, redis); err != nil {
		return nil, err
	}
	if m.Postgres, _, err = server(ctx, NewPostgres, postgres); err != nil {
		return nil, err
	}
	if m.Lists, err = Lists(ctx, sizes, 12); err != nil {
		return nil, err
	}
	log.Print("lists: done")
	m.Machine.LoadAfter = load()
	return m, nil
}

func thisMachine() figures.Machine {
	return figures.Machine{
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, CPU: field("/proc/cpuinfo", "model name"),
		Cores: runtime.NumCPU(), MemoryGiB: memory(), LoadBefore: load(),
	}
}

// field is the first value of that name in a file of the system, or "unknown".
func field(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memory() float64 {
	kib, _ := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 64)
	return float64(int(kib/1024/1024*10)) / 10
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return fmt.Sprint(fields[0], ", ", fields[1], ", ", fields[2])
}
