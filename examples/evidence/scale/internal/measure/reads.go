package measure

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
)

// reading is what a process says of its full read.
type reading struct{ Seconds, CPU float64 }

// read reads everything, as a process does that starts.
func read(ctx context.Context, t task) (*reading, error) {
	store, err := storeAt(ctx, t)
	if err != nil {
		return nil, err
	}
	ready()
	began, spent := time.Now(), cpu()
	list, err := newList(store, t.Entries)
	if err != nil {
		return nil, err
	}
	if err := list.Warm(ctx); err != nil {
		return nil, err
	}
	r := &reading{Seconds: time.Since(began).Seconds(), CPU: (cpu() - spent).Seconds()}
	goOn()
	return r, list.Close()
}

func reads(ctx context.Context, s Server, loads []Load) (all []figures.Read, err error) {
	filled := 0
	for _, l := range loads {
		if l.Entries != filled {
			if err := s.Clear(ctx); err != nil {
				return nil, err
			}
			if err := fill(ctx, s, l.Entries); err != nil {
				return nil, err
			}
			filled = l.Entries
		}
		one, err := readBy(ctx, s, l)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func readBy(ctx context.Context, s Server, l Load) (r figures.Read, err error) {
	processes, err := startAll(ctx, s, "read", l)
	defer killAll(processes)
	if err != nil {
		return r, err
	}
	before, err := s.Usage(ctx)
	if err != nil {
		return r, err
	}
	for _, p := range processes {
		if err := p.begin(); err != nil {
			return r, err
		}
	}
	r = figures.Read{Followers: l.Followers, Entries: l.Entries}
	for _, p := range processes {
		var one reading
		if err := p.end(&one); err != nil {
			return r, err
		}
		r.Seconds = max(r.Seconds, one.Seconds)
		r.FollowerCPU += one.CPU / float64(l.Followers)
	}
	after, err := s.Usage(ctx)
	spent := after.since(before)
	r.EngineCPU, r.Looks, r.Out = spent.CPU, spent.Looks, spent.Out
	return r, err
}

func startAll(ctx context.Context, s Server, role string, l Load) (all []*process, err error) {
	engine, where := s.Where()
	for range l.Followers {
		p, err := start(ctx, task{Role: role, Entries: l.Entries, Engine: engine, Where: where})
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
	return all, nil
}

func killAll(all []*process) {
	for _, p := range all {
		p.kill()
	}
}
