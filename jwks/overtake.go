package jwks

import "time"

// A server can accept a connection and say nothing. Until the fetch that waits for it is cut, the keys would be out of reach even of a
// server that has recovered. So, while no usable key is held and requests ask for one, another fetch may begin beside the one
// under way, over a connection of its own; whichever brings keys first ends the others.
const (
	silence   = 2 * time.Second // what a fetch may keep silent before another overtakes it, and the least time between two beginnings
	maxBeside = 3               // fetches under way at a time, beside a patient one
)

// newest is the fetch under way that began last; nil: there is none.
func (c *Cache) newest() *fetch {
	for i := len(c.fetches) - 1; i >= 0; i-- {
		if !c.fetches[i].overtaken {
			return c.fetches[i]
		}
	}
	return nil
}

// current is the fetch that a question joins. A patient one that takes longer than others may holds up nobody.
func (c *Cache) current(now time.Time) *fetch {
	f := c.newest()
	if f == nil || now.Sub(f.began) >= fetchTimeout && !c.full() {
		return nil
	}
	return f
}

// full reports whether as many fetches as may be are under way. A patient one does not count: it can outlast the others.
func (c *Cache) full() bool {
	n := 0
	for _, f := range c.fetches {
		if !f.patient {
			n++
		}
	}
	return n >= maxBeside
}

// overtakeAt is when another fetch is to begin beside the newest; zero: not as things are. Requests ask for a key if the last of
// them would still be waiting then. While keys are held, none has asked since the newest fetch began.
func (c *Cache) overtakeAt() time.Time {
	f := c.newest()
	if f == nil {
		return time.Time{}
	}
	quiet := f.lastWord()
	if quiet.Before(c.lastBegan) {
		quiet = c.lastBegan
	}
	at := c.plan.NotBarred(quiet.Add(silence))
	if !at.Before(c.asked.Add(patience)) || c.full() {
		return time.Time{}
	}
	return at
}

// overtake begins another fetch if that is due.
func (c *Cache) overtake(now time.Time) (begun bool) {
	at := c.overtakeAt()
	if at.IsZero() || now.Before(at) {
		return false
	}
	c.begin(now, &fetch{background: true}, nil)
	return true
}

// promising reports whether there is a fetch under way that callers wait for although the last one failed.
func (c *Cache) promising(now time.Time) bool {
	for _, f := range c.fetches {
		if !f.background && now.Sub(f.began) < fetchTimeout {
			return true
		}
	}
	return false
}

// giveWay ends f, because another fetch has brought keys: what f brings may be older. Whoever waits for it finds those keys.
func (f *fetch) giveWay(to *fetch) {
	if f.overtaken {
		return
	}
	f.overtaken, f.decided = true, to.number
	f.cut()
	close(f.done)
}
