package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/fault"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

// event is one thing that can go wrong.
type event struct {
	name string
	kind *fault.Kind // of a front; nil: something else
	do   func(in *injector, server int)
	open func(in *injector, on bool) // of what lasts
}

// events are all faults, the ways in which a front fails being one each.
var events = func() (all []event) {
	for _, k := range fault.Kinds {
		all = append(all, event{name: k.Name, kind: k})
	}
	return append(all,
		event{name: "rotation", do: func(in *injector, server int) { in.world.authorities[server].Rotate(true) }},
		event{name: "rotation without overlap", do: func(in *injector, server int) { in.world.authorities[server].Rotate(false) }},
		event{name: "revocations", do: func(in *injector, server int) { in.world.stream.Revoke(server, 16) }},
		event{name: "inactive flood", open: func(in *injector, on bool) { in.world.stream.Flood(on) }},
	)
}()

// injector lets something go wrong every few seconds.
type injector struct {
	world    *world
	settings Settings
	random   *rand.Rand
	counts   map[string]int
	queue    []int // a shuffled order of events: each comes once before any comes again
}

func newInjector(w *world, s Settings) *injector {
	return &injector{world: w, settings: s, random: s.random(1), counts: make(map[string]int)}
}

// run goes on until ctx ends; the last fault ends before that.
func (in *injector) run(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	for in.sleep(ctx, in.settings.Every/2); ctx.Err() == nil; {
		began := time.Now()
		lasts := in.settings.Lasts[0]
		if spread := in.settings.Lasts[1] - lasts; spread > 0 {
			lasts += time.Duration(in.random.Int64N(int64(spread)))
		}
		if !deadline.IsZero() && time.Until(deadline) < lasts+time.Second/2 {
			return
		}
		in.inject(ctx, in.next(), lasts)
		in.sleep(ctx, in.settings.Every-time.Since(began))
	}
}

func (in *injector) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (in *injector) next() *event {
	if len(in.queue) == 0 {
		in.queue = in.random.Perm(len(events))
	}
	at := in.queue[0]
	in.queue = in.queue[1:]
	return &events[at]
}

// inject returns when the fault has ended.
func (in *injector) inject(ctx context.Context, e *event, lasts time.Duration) {
	in.counts[e.name]++
	server := in.random.IntN(len(in.world.authorities))
	switch {
	case e.do != nil:
		in.world.history.Mark(e.name, time.Now())
		in.settings.Log("fault: %s at server %d", e.name, server)
		e.do(in, server)
		return
	case e.open != nil:
		in.settings.Log("fault: %s for %v", e.name, lasts.Round(100*time.Millisecond))
		end := in.world.history.Begin(e.name, time.Now())
		e.open(in, true)
		in.sleep(ctx, lasts)
		e.open(in, false)
		end(time.Now())
		return
	}
	places := in.places(e.kind, server)
	in.settings.Log("fault: %s of %s for %v", e.name, describe(places), lasts.Round(100*time.Millisecond))
	end := in.world.history.Begin(e.name, time.Now(), places...)
	for _, p := range places {
		in.world.authorities[p.Server].Front.Fail(p.Endpoint, e.kind)
	}
	in.sleep(ctx, lasts)
	for _, p := range places {
		in.world.authorities[p.Server].Front.Fail(p.Endpoint, nil)
	}
	end(time.Now())
}

// places chooses what fails: mostly endpoints of one server, and now and then of all.
func (in *injector) places(k *fault.Kind, server int) (places []window.Place) {
	endpoints := k.Of
	if len(endpoints) > 1 && in.random.IntN(3) > 0 {
		one := in.random.IntN(len(endpoints))
		endpoints = endpoints[one : one+1]
	}
	servers := []int{server}
	if in.random.IntN(4) == 0 {
		servers = []int{0, 1, 2}
	}
	for _, s := range servers {
		for _, e := range endpoints {
			places = append(places, window.Place{Server: s, Endpoint: e})
		}
	}
	return slices.Clip(places)
}

func describe(places []window.Place) string {
	text := ""
	for i, p := range places {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%v %d", p.Endpoint, p.Server)
	}
	return text
}
