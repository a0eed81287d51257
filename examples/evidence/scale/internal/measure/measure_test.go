package measure_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/measure"
)

// A process that measures for another is this program again.
func TestMain(m *testing.M) {
	if was, err := measure.Child(context.Background()); was {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// positive complains about figures that nothing was measured for.
func positive(t *testing.T, all map[string]float64) {
	t.Helper()
	for name, value := range all {
		if value <= 0 {
			t.Errorf("%s is %v, and must be more than zero", name, value)
		}
	}
}

func TestEachEngineIsMeasured(t *testing.T) {
	for name, start := range map[string]func(context.Context) (measure.Server, error){"Redis": measure.NewRedis, "PostgreSQL": measure.NewPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			s, err := start(t.Context())
			if missing := errors.Is(err, exec.ErrNotFound) || errors.Is(err, pgtest.ErrMissing); missing && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			e, record, err := measure.Engine(t.Context(), s, measure.Quick())
			if err != nil {
				t.Fatal(err)
			}
			if len(e.Idle) != 1 || e.Idle[0].Followers != 4 {
				t.Errorf("idle followers: %+v, want four once", e.Idle)
			}
			read, spread := e.Reads[0], e.Spreads[0]
			positive(t, map[string]float64{
				"record": float64(record), "append alone": e.Append.Alone, "appends": e.Append.PerSec, "disk": e.Rest.Disk,
				"read": read.Seconds, "read, CPU": read.FollowerCPU, "spread": spread.Median, "acknowledged": spread.Acknowledged,
			})
			if name == "Redis" {
				positive(t, map[string]float64{
					"memory": e.Rest.Memory, "looks": spread.Looks, "bytes": read.Out,
				})
			}
		})
	}
}

func TestListsAreMeasured(t *testing.T) {
	t.Parallel()
	all, err := measure.Lists(t.Context(), []int{1000}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all {
		positive(t, map[string]float64{
			"hit": l.Hit, "miss": l.Miss, "new": l.New, "guard": l.Guard, "guard, all": l.GuardAll, "guard, none": l.GuardNot,
		})
	}
}
