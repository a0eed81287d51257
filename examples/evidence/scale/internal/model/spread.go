package model

import (
	"container/heap"
	"math/rand/v2"
)

// Burst is a load to simulate.
type Burst struct {
	Instances int
	Rate      float64 // revocations a second
	Seconds   float64 // that they come for
	Seed      uint64
	Clients   float64 // of the engine; zero: two for each instance
}

// Spread is what came of it.
type Spread struct {
	Burst
	Entries      int
	Median, P99  float64 // seconds from a revocation until it holds at an instance
	Last         float64 // the slowest
	Drained      float64 // seconds from the last revocation until everything holds everywhere
	Acknowledged float64 // seconds until Revoke returns, 99 of 100
	TooLate      float64 // share of revocations that were not acknowledged within five seconds
	Busy         float64 // share of the time that the engine worked while revocations came
	Commands     float64 // a second, then
	In, Out      float64 // bytes a second, then
}

// limit is how long Revoke waits.
const limit = 5.0

// hold is how long the engine holds a question when there is nothing new.
const hold = 0.5

// watched is how many followers are watched.
const watched = 64

// Simulate runs a load to its end.
func (c Costs) Simulate(b Burst) Spread {
	s := &run{Costs: c.with(b.Instances), Spread: Spread{Burst: b}, random: rand.New(rand.NewPCG(b.Seed, 0))}
	s.followers = make([]follower, b.Instances)
	s.rest = rest(b.Clients)
	if b.Clients == 0 {
		s.rest = rest(clientsEach * float64(b.Instances))
	}
	for i := range s.followers {
		s.at(s.random.Float64()*hold, event{kind: waits, who: int32(i)}) // they did not all start at once
	}
	for t := s.random.ExpFloat64() / b.Rate; t < b.Seconds; t += s.random.ExpFloat64() / b.Rate {
		s.called = append(s.called, hold+t)
	}
	s.Entries = len(s.called)
	s.behind = b.Instances * s.Entries
	for i, t := range s.called {
		s.at(t+c.RoundTrip/2, event{kind: appended, who: int32(i)})
	}
	for len(s.events) > 0 && s.behind > 0 {
		e := heap.Pop(&s.events).(event)
		s.now = e.time
		switch e.kind {
		case appended:
			s.append(int(e.who))
		case looks:
			s.look(e.who)
		case waits:
			s.wait(e.who)
		case expires:
			s.expire(e)
		}
	}
	return s.result()
}

type kind uint8

const (
	appended kind = iota // an entry arrives at the engine
	looks                // a question arrives there
	waits                // a blocking question arrives there
	expires              // the engine has held one for long enough
)

// event is something that happens at the engine.
type event struct {
	time float64
	kind kind
	who  int32  // the entry or the follower
	turn uint32 // of expires: which wait it is about
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].time < e[j].time }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// follower is an instance.
type follower struct {
	has     int // entries of the log
	waiting bool
	turn    uint32
}

// run is a simulation that runs.
type run struct {
	Costs
	Spread

	random    *rand.Rand
	now       float64
	events    events
	followers []follower
	rest      float64
	blocked   []int32 // those that wait, in the order in which they came

	free, lineFree, coresFree float64 // when the engine, its line and the shared cores have nothing more to do

	called []float64 // when each was revoked
	log    []int     // which are in the log, in order
	behind int       // deliveries that are still to come

	late, acknowledged histogram

	// While revocations come:
	appends, looks int
	worked         float64 // seconds of the engine
	sent           float64 // bytes
}

func (s *run) at(t float64, e event) {
	e.time = t
	heap.Push(&s.events, e)
}

// serve has the engine work, and returns when it has.
func (s *run) serve(work float64) float64 {
	began := max(s.now, s.free)
	s.free = began + work
	if end := hold + s.Seconds; began < end && s.now >= hold {
		s.worked += min(work, end-began)
	}
	return s.free
}

// send sends bytes at a time, and returns when they have arrived.
func (s *run) send(t, bytes float64) float64 {
	if t < hold+s.Seconds && s.now >= hold {
		s.sent += bytes
	}
	if s.Line > 0 {
		s.lineFree = max(s.lineFree, t) + bytes/s.Line
		t = s.lineFree
	}
	return t + s.RoundTrip/2
}

// works has an instance work, and returns when it has.
func (s *run) works(t, work float64) float64 {
	if s.Shared == 0 {
		return t + work
	}
	s.coresFree = max(s.coresFree, t) + work/float64(max(1, s.Shared-1))
	return s.coresFree
}

func (s *run) append(which int) {
	done := s.serve(s.Append)
	s.log = append(s.log, which)
	s.count(&s.appends)
	s.acknowledged.add(done + s.RoundTrip/2 - s.called[which])
	for _, who := range s.blocked {
		f := &s.followers[who]
		if f.waiting {
			f.waiting = false
			s.told(who, s.serve(s.Wait))
		}
	}
	s.blocked = s.blocked[:0]
}

// count counts what is done while revocations come.
func (s *run) count(n *int) {
	if s.now >= hold && s.now < hold+s.Seconds {
		*n++
	}
}

// told is a follower that was told at a time that there is something new: it looks.
func (s *run) told(who int32, at float64) {
	s.at(s.works(s.send(at, s.LookOut/2), s.Turn/2)+s.RoundTrip/2, event{kind: looks, who: who})
}

func (s *run) look(who int32) {
	f := &s.followers[who]
	s.count(&s.looks)
	got := min(Batch, len(s.log)-f.has)
	work := s.Look + float64(got)*s.Entry
	if got == Batch {
		work = float64(got) * s.Entry // measured so, with the look
	}
	done := s.serve(work)
	there := s.send(done, s.LookOut/2+float64(got)*s.EntryOut)
	turn := s.Turn / 2
	if got == Batch {
		turn = 0
	}
	ready := s.works(there, turn+float64(got)*s.Apply)
	if len(s.followers) <= watched || int(who)%(len(s.followers)/watched) == 0 {
		for i, which := range s.log[f.has : f.has+got] {
			s.late.add(there + (ready-there)*float64(i+1)/float64(got) - s.called[which])
		}
	}
	f.has += got
	if s.behind -= got; s.behind == 0 {
		s.Drained = max(0, ready-s.called[len(s.called)-1])
	}
	switch got {
	case Batch:
		s.at(ready+s.RoundTrip/2, event{kind: looks, who: who})
	case 0:
		s.at(ready+s.RoundTrip/2, event{kind: waits, who: who})
	default:
		s.at(ready+s.rest+s.RoundTrip/2, event{kind: waits, who: who})
	}
}

func (s *run) wait(who int32) {
	f := &s.followers[who]
	if f.has < len(s.log) {
		s.told(who, s.serve(s.Wait))
		return
	}
	f.waiting = true
	f.turn++
	s.blocked = append(s.blocked, who)
	s.at(s.now+hold, event{kind: expires, who: who, turn: f.turn})
}

func (s *run) expire(e event) {
	f := &s.followers[e.who]
	if f.waiting && f.turn == e.turn {
		f.waiting = false
		s.told(e.who, s.serve(s.Wait))
	}
}

func (s *run) result() Spread {
	r := s.Spread
	r.Median, r.P99, r.Last = s.late.quantile(0.5), s.late.quantile(0.99), s.late.most
	r.Acknowledged, r.TooLate = s.acknowledged.quantile(0.99), s.acknowledged.above(limit)
	r.Busy = s.worked / r.Seconds
	r.Commands = (float64(s.appends)*s.Appended + float64(s.looks)*s.Costs.Commands) / r.Seconds
	r.In = (float64(s.appends)*s.AppendIn + float64(s.looks)*s.LookIn) / r.Seconds
	r.Out = s.sent / r.Seconds
	return r
}
