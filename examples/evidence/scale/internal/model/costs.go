package model

import (
	"errors"
	"math"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
)

// Costs are what the model calculates with. Times are in seconds, sizes in bytes.
type Costs struct {
	Append   float64 // of the engine, for an entry that comes
	Look     float64 // of the engine, for a question
	Wait     float64 // of the engine, for a blocking question and what ends it
	Entry    float64 // of the engine, for an entry that it sends to a follower
	LookOut  float64 // bytes that the engine sends for a look and a wait
	EntryOut float64 // bytes that it sends for an entry
	LookIn   float64 // bytes that it gets for a look and a wait
	AppendIn float64
	Commands float64 // for a look and a wait
	Appended float64 // commands for an append

	Turn  float64 // of an instance, for a look and a wait
	Apply float64 // of an instance, for an entry that it reads and checks

	PerEntry float64 // bytes that an instance keeps of an entry
	Resting  float64 // bytes that the engine keeps of an entry
	Filed    float64 // bytes of its append-only file

	RoundTrip float64
	Line      float64 // bytes a second that the engine can send; zero: any number
	crowds    []crowd // takes the place of Look and Wait, if there are any
	Shared    int     // cores that all share; zero: each instance has its own
}

// An instance of a service is so many clients of the engine.
const clientsEach = 2

// rest is how long a follower rests that got something.
func rest(clients float64) float64 {
	return min(clients*restPerClient, longestRest)
}

const restPerClient, longestRest = 0.1e-3, 0.25

// Batch is how many entries a follower asks for at once.
const Batch = 512

// The network that is assumed where none was measured: within a data centre, ten gigabits a second.
const (
	assumedRoundTrip = 0.5e-3
	assumedLine      = 10e9 / 8
)

// Of takes the costs from what was measured, for instances that have machines of their own.
func Of(m *figures.Measured) (Costs, error) {
	r := m.Redis
	if len(r.Reads) == 0 || len(r.Spreads) == 0 || len(m.Lists) == 0 || len(r.Idle) == 0 || r.Idle[0].Looks == 0 {
		return Costs{}, errors.New("model: the figures are not complete: measure first")
	}
	idle := r.Idle[0]
	c := Costs{
		Append:  r.Append.CPU,
		LookOut: idle.Out / idle.Looks, LookIn: idle.In / idle.Looks, Commands: idle.Commands / idle.Looks,
		AppendIn: r.Append.In, Appended: r.Append.Commands,
		Resting: r.Rest.Memory, Filed: r.Rest.Disk,
		RoundTrip: assumedRoundTrip, Line: assumedLine,
	}
	c.Entry, c.Apply, c.Turn = math.Inf(1), math.Inf(1), math.Inf(1)
	for _, read := range r.Reads {
		delivered := float64(read.Followers * read.Entries)
		c.Entry = min(c.Entry, read.EngineCPU/delivered) // with its share of the look, which is a 512th
		c.EntryOut = (read.Out - read.Looks*c.LookOut/2) / delivered
		c.Apply = min(c.Apply, read.FollowerCPU/float64(read.Entries))
	}
	for _, s := range r.Spreads {
		if s.Looks > manyLooks {
			c.Turn = min(c.Turn, float64(s.Followers)*max(0, s.FollowerCPU-float64(s.Entries)*c.Apply)/s.Looks)
		}
	}
	for _, i := range r.Idle {
		c.crowds = append(c.crowds, crowd{i.Followers, i.CPU / i.Looks})
	}
	c.PerEntry = m.PerEntry(1_000_000)
	return c, nil
}

// manyLooks is how many say what one costs an instance.
const manyLooks = 500

// crowd is what a look and a wait cost the engine that so many follow.
type crowd struct {
	followers int
	loop      float64
}

// with is c for so many followers.
func (c Costs) with(followers int) Costs {
	distance := math.Inf(1)
	for _, one := range c.crowds {
		if d := math.Abs(math.Log(float64(one.followers)) - math.Log(float64(max(followers, 1)))); d < distance {
			distance, c.Look, c.Wait = d, one.loop/2, one.loop/2
		}
	}
	return c
}

// Loop is what a look and a wait cost the engine that so many follow.
func (c Costs) Loop(followers int) float64 {
	c = c.with(followers)
	return c.Look + c.Wait
}

// Where is c for the machine of m, on which everything shares its cores.
func (c Costs) Where(m *figures.Measured) Costs {
	c.RoundTrip, c.Line, c.Shared = loopback, 0, m.Machine.Cores
	return c
}

// loopback is about what a message takes from one process to another of the same machine and back, beside the work of both.
const loopback = 0.1e-3
