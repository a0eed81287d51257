package model

// Restart is a full read by instances that all begin at once.
type Restart struct {
	Instances, Entries int
	Seconds            float64 // until the last one has everything
	Engine             float64 // seconds that the engine works for it
	Bytes              float64 // that it sends
	Limit              string  // what it waits for: "engine", "line" or "instance"
}

// Restart calculates a full read. All instances are alike and ask for so much at once that three things can limit them: the work of the
// engine, its line, and what one instance does by itself, one question after the other.
func (c Costs) Restart(instances, entries int) Restart {
	n, looks := float64(entries), float64(entries/Batch+1)
	k := float64(instances)
	r := Restart{
		Instances: instances, Entries: entries,
		Engine: k * n * c.Entry,
		Bytes:  k * (looks*c.LookOut/2 + n*c.EntryOut),
	}
	alone := looks*c.RoundTrip + n*(c.Entry+c.Apply)
	if c.Shared > 0 {
		alone = k * n * c.Apply / float64(max(1, c.Shared-1))
	}
	r.Seconds, r.Limit = alone, "instance"
	if r.Engine > r.Seconds {
		r.Seconds, r.Limit = r.Engine, "engine"
	}
	if c.Line > 0 && r.Bytes/c.Line > r.Seconds {
		r.Seconds, r.Limit = r.Bytes/c.Line, "line"
	}
	return r
}
