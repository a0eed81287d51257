// Package figures is what was measured, as it rests in a file: what the simulation calculates with and is checked against. Times are in
// seconds, sizes in bytes.
package figures

import (
	"encoding/json"
	"math"
	"os"
)

// Measured is one run of all measurements.
type Measured struct {
	Machine  Machine
	Lists    []List
	Record   int // bytes of a sealed record about a token
	Redis    Engine
	Postgres Engine
}

// Machine is where the figures were taken. It names no host.
type Machine struct {
	Go, Platform, CPU     string
	Cores                 int
	MemoryGiB             float64
	LoadBefore, LoadAfter string // over 1, 5 and 15 minutes
}

// List is an instance's list of so many entries, which has read them from a Store.
type List struct {
	Entries  int
	PerEntry float64 // bytes of the heap, beyond an empty list's
	Resident float64 // bytes that the process took at most, for each entry, with what the garbage collector leaves lying
	Apply    float64 // seconds of CPU to check and enter a record

	Hit      float64 // seconds of CPU: a look-up of a token that is revoked
	Miss     float64 // of one that is not, and that came before
	New      float64 // of one that is not, and never came
	Guard    float64 // a whole check of a repeated token while nothing changes
	GuardAll float64 // the same if something has changed since the token came last
	GuardNot float64 // the same without any list
}

// Engine is what a list costs in Redis or PostgreSQL.
type Engine struct {
	Version string
	Append  Append
	Rest    Rest
	Idle    []Idle
	Reads   []Read
	Spreads []Spread
}

// Append is the cost of one entry to share.
type Append struct {
	Alone    float64 // seconds, if one comes after the other; median
	Many     int     // so many at once
	PerSec   float64 // so many are acknowledged then
	CPU      float64 // seconds of the engine, then
	Commands float64
	In, Out  float64 // bytes that the engine gets and sends
}

// Rest is the room that an entry takes in the engine.
type Rest struct {
	Entries int
	Memory  float64 // of Redis
	Disk    float64 // append-only file, or table with its indexes
	WAL     float64 // of PostgreSQL
}

// Idle is what each of so many followers, which are in one process, costs in a second in which nothing happens.
type Idle struct {
	Followers int
	CPU       float64 // seconds of the engine
	Looks     float64
	Commands  float64
	In, Out   float64
}

// Read is a full read by so many processes at once.
type Read struct {
	Followers, Entries int
	Seconds            float64 // until the last one had all
	EngineCPU          float64 // seconds, of all reads together
	FollowerCPU        float64 // seconds, of each process
	Looks              float64 // questions, of all together
	Out                float64 // bytes, of all together
}

// Spread is how revocations reach processes that follow.
type Spread struct {
	Followers    int
	Rate         float64 // that was asked for, a second
	Entries      int
	Seconds      float64 // that it took to revoke them all
	Median, P99  float64 // seconds from calling Revoke until another process refuses
	Last         float64 // the slowest one
	Acknowledged float64 // median of the seconds that Revoke took
	EngineCPU    float64 // seconds, of all
	FollowerCPU  float64 // seconds, of each process
	Looks        float64
	Commands     float64
	In, Out      float64
	Clients      float64 // of the engine, on average
}

// Load reads a file.
func Load(path string) (*Measured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(Measured)
	return m, json.Unmarshal(text, m)
}

// Save writes it.
func (m *Measured) Save(path string) error {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// PerEntry is what an entry takes in a list of about so many: that of the measured size that is nearest.
func (m *Measured) PerEntry(entries int) float64 {
	nearest := m.Lists[0]
	for _, l := range m.Lists {
		if distance(l.Entries, entries) < distance(nearest.Entries, entries) {
			nearest = l
		}
	}
	return nearest.PerEntry
}

func distance(a, b int) float64 { return math.Abs(math.Log(float64(a)) - math.Log(float64(b))) }
