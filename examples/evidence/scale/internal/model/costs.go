package model

import (
	"errors"

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
	Shared    int     // cores that all share; zero: each instance has its own
}

// An instance of a service is so many clients of the engine.
const clientsEach = 2

// rest is how long a follower rests that got something.
func rest(clients float64) float64 {
	return min(clients*restPerClient, longestRest)
}

const restPerClient, longestRest = 0.25e-3, 0.25

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
	if len(r.Reads) == 0 || len(r.Spreads) == 0 || len(m.Lists) == 0 || r.Idle.Looks == 0 {
		return Costs{}, errors.New("model: the figures are not complete: measure first")
	}
	c := Costs{
		Append:  r.Append.CPU,
		LookOut: r.Idle.Out / r.Idle.Looks, LookIn: r.Idle.In / r.Idle.Looks, Commands: r.Idle.Commands / r.Idle.Looks,
		AppendIn: r.Append.In, Appended: r.Append.Commands,
		Resting: r.Rest.Memory, Filed: r.Rest.Disk,
		RoundTrip: assumedRoundTrip, Line: assumedLine,
	}
	read := largest(r.Reads)
	delivered := float64(read.Followers * read.Entries)
	c.Entry = read.EngineCPU / delivered // with its share of the look, which is a 512th
	c.EntryOut = (read.Out - read.Looks*c.LookOut/2) / delivered
	c.Apply = read.FollowerCPU / float64(read.Entries)

	var looks, engine, instances float64 // of all spreads together, without what appends and entries cost
	for _, s := range r.Spreads {
		n := float64(s.Entries)
		looks += s.Looks
		engine += s.EngineCPU - n*c.Append - n*float64(s.Followers)*c.Entry
		instances += float64(s.Followers) * (s.FollowerCPU - n*c.Apply)
	}
	c.Look, c.Wait = max(0, engine/looks/2), max(0, engine/looks/2)
	c.Turn = max(0, instances/looks)
	c.PerEntry = m.PerEntry(1_000_000)
	return c, nil
}

// largest is the read that says most about an entry.
func largest(reads []figures.Read) figures.Read {
	most := reads[0]
	for _, r := range reads {
		if r.Followers*r.Entries > most.Followers*most.Entries {
			most = r
		}
	}
	return most
}

// Where is c for the machine of m, on which everything shares its cores.
func (c Costs) Where(m *figures.Measured) Costs {
	c.RoundTrip, c.Line, c.Shared = loopback, 0, m.Machine.Cores
	return c
}

// loopback is about what a message takes from one process to another of the same machine and back, beside the work of both.
const loopback = 0.1e-3
