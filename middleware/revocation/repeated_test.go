//go:build linux

package revocation_test

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// BenchmarkRepeatedToken is the whole decision about one of a thousand tokens that are cached. It is made in four situations, which take turns so that they
// share whatever else the machine does:
//
//   - none: without Revocations
//   - quiet: with a List of a hundred thousand entries to which nothing comes
//   - beside: without Revocations, while a List of this process gets ten thousand entries a second from another process
//   - busy: with that List
//
// Metrics are medians of windows: the time that the decision keeps its thread busy (cpu-ns) and the time that passes (ns). What differs between none and
// beside is what receiving takes from everything else in the process; what differs between beside and busy is what looking tokens up costs. received-ns is
// what other threads have to do for each entry, beyond what they do in any case.
func BenchmarkRepeatedToken(b *testing.B) {
	issuer := authtest.NewIssuer(b)
	var requests []*http.Request
	for i := range 1000 {
		r, _ := http.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{
			"aud": "https://api.example.com", "sid": fmt.Sprint("s", i), "client_id": "c", "jti": fmt.Sprint("j", i),
		}))
		requests = append(requests, r)
	}
	guardOf := func(lists ...middleware.Revocations) *middleware.Guard {
		cfg := issuer.Config("https://api.example.com")
		cfg.Revocations, cfg.Logger = lists, silent
		auth, err := middleware.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = auth.Close() })
		return auth.Require()
	}
	other := beginRevoker(b)
	list := newList(b, revocation.Config{Store: other.store, Secrets: [][]byte{secretOf(1)}, MaxEntries: 1 << 24})
	if err := list.Warm(b.Context()); err != nil {
		b.Fatal(err)
	}
	without, with := guardOf(), guardOf(list)
	window := func(guard *middleware.Guard) measured { return measure(b, guard, requests) }
	window(without)
	window(with)
	var none, quiet, beside, busy []measured
	var came, rate float64
	for b.Loop() {
		none = append(none, window(without))
		quiet = append(quiet, window(with))
		before, began := other.turn(b), time.Now()
		beside = append(beside, window(without))
		busy = append(busy, window(with))
		entries, took := other.turn(b), time.Since(began)
		for list.Status().Entries < entries {
			time.Sleep(time.Millisecond)
		}
		came += float64(entries - before)
		rate += float64(entries-before) / took.Seconds()
	}
	for _, of := range []struct {
		name string
		all  []measured
	}{{"none", none}, {"quiet", quiet}, {"beside", beside}, {"busy", busy}} {
		b.ReportMetric(median(of.all, measured.cpuTime), of.name+"-cpu-ns")
		b.ReportMetric(median(of.all, measured.time), of.name+"-ns")
	}
	b.ReportMetric(medianRatio(quiet, none), "quiet/none")
	b.ReportMetric(medianRatio(beside, none), "beside/none")
	b.ReportMetric(medianRatio(busy, quiet), "busy/quiet")
	b.ReportMetric(rate/float64(len(busy)), "entries/s")
	b.ReportMetric((others(beside)+others(busy)-others(none)-others(quiet))/came, "received-ns")
	b.ReportMetric(0, "ns/op")
}

// measured is the cost of one decision in one window.
type measured struct {
	wall, cpu float64       // ns
	others    time.Duration // that other threads of the process have run in the window
}

func (m measured) time() float64    { return m.wall }
func (m measured) cpuTime() float64 { return m.cpu }

func median(all []measured, of func(measured) float64) float64 {
	values := make([]float64, len(all))
	for i, m := range all {
		values[i] = of(m)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// medianRatio is that of the thread's times of windows that were next to each other.
func medianRatio(of, to []measured) float64 {
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = of[i].cpu / to[i].cpu
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// others is how many nanoseconds other threads have run in these windows.
func others(all []measured) (ns float64) {
	for _, m := range all {
		ns += float64(m.others)
	}
	return ns
}

// measure decides for 20 ms. Nothing else runs on its thread.
func measure(b *testing.B, guard *middleware.Guard, requests []*http.Request) measured {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, r := range requests { // what came between two windows has its look-ups before this one
		if _, err := guard.Check(r); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	began, cpu, process := time.Now(), cpuTime(threadClock), cpuTime(processClock)
	for time.Since(began) < 20*time.Millisecond {
		for range 100 {
			if _, err := guard.Check(requests[n%len(requests)]); err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	took := cpuTime(threadClock) - cpu
	return measured{float64(time.Since(began)) / float64(n), float64(took) / float64(n), cpuTime(processClock) - process - took}
}

// The clocks of clock_gettime(2).
const (
	processClock = 2
	threadClock  = 3
)

// cpuTime is how long a thread, or all of the process, has run so far.
func cpuTime(clock uintptr) time.Duration {
	var t syscall.Timespec
	if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		panic(err)
	}
	return time.Duration(t.Nano())
}
