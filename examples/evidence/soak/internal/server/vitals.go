package server

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Vitals is the state of the server process.
type Vitals struct {
	RSS        uint64        // bytes of memory that the system has given it; zero where that cannot be told
	HeapAlloc  uint64        // bytes of objects, dead ones not yet collected included
	Goroutines int           // those of the connections and of the runtime included
	Stall      time.Duration // the longest time since the last question in which the process was not run
}

type vitals struct{ stall atomic.Int64 }

func newVitals() *vitals { return new(vitals) }

const heartbeat = 50 * time.Millisecond

// watch notices when the machine has not run this process.
func (v *vitals) watch(ctx context.Context) {
	Heartbeat(ctx, func(_ time.Time, late time.Duration) {
		for {
			longest := v.stall.Load()
			if int64(late) <= longest || v.stall.CompareAndSwap(longest, int64(late)) {
				return
			}
		}
	})
}

// Heartbeat calls beat twenty times a second and says how much too late it is, until ctx ends.
func Heartbeat(ctx context.Context, beat func(now time.Time, late time.Duration)) {
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		beat(now, max(0, now.Sub(last)-heartbeat))
		last = now
	}
}

const (
	collecting = "collect" // the query that wants the garbage collected first
	heapPath   = "/heap"   // where there is a profile instead
)

func (v *vitals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.RawQuery == collecting {
		runtime.GC()
		runtime.GC() // the first only empties sync.Pools into their victims
	}
	if r.URL.Path == heapPath {
		_ = pprof.Lookup("heap").WriteTo(w, 0)
		return
	}
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Vitals{
		RSS:        residentSet(),
		HeapAlloc:  samples[0].Value.Uint64(),
		Goroutines: runtime.NumGoroutine(),
		Stall:      time.Duration(v.stall.Swap(0)),
	})
}

// residentSet reads what Linux says about this process.
func residentSet() uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
