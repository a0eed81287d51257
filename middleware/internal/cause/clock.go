package cause

import (
	"sync"
	"time"
)

// Clock is what is known of the difference between an issuer's clock and our own. It learns from tokens that were accepted, never from
// those that were refused: anybody can send these. It is safe for concurrent use.
type Clock struct {
	mu       sync.Mutex
	youngest time.Duration // of the tokens accepted since the window began, when they were first seen; below zero: issued ahead of us
	seen     time.Time     // when that was
	begun    time.Time     // the window
}

// clockWindow is how long an accepted token says something of clocks, which drift and are set right.
const clockWindow = time.Hour

// clocksAgree is a difference that says nothing: dates are in whole seconds, and tokens need time to arrive.
const clocksAgree = 5 * time.Second

// Accepted notes a token that was accepted for the first time.
func (c *Clock) Accepted(issued, now time.Time) {
	if c == nil || issued.IsZero() {
		return
	}
	age := now.Sub(issued)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun.IsZero() || now.Sub(c.begun) > clockWindow || now.Before(c.begun) {
		c.begun, c.seen, c.youngest = now, now, age
	} else if age <= c.youngest {
		c.seen, c.youngest = now, age
	}
}

// Hint says whether the clocks explain what is wrong with a date. server is the time of the key server now; zero: not known.
func (c *Clock) Hint(now, server time.Time) string {
	if !server.IsZero() {
		switch off := now.Sub(server); {
		case off >= clocksAgree:
			return "the clock here is " + span(off) + " ahead of the key server's: set it right before you look further"
		case off <= -clocksAgree:
			return "the clock here is " + span(-off) + " behind the key server's: set it right before you look further"
		default:
			return "the clock here and the key server's agree, so it is the token"
		}
	}
	if c == nil {
		return ClockHint
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ago := now.Sub(c.seen); {
	case c.begun.IsZero() || ago > clockWindow || ago < 0:
		return ClockHint
	case c.youngest <= -clocksAgree:
		return "a token accepted " + span(ago) + " ago was issued " + span(-c.youngest) + " ahead of the clock here, which may be behind"
	case c.youngest <= clocksAgree:
		return "a token accepted " + span(ago) + " ago had been issued at that moment by the clock here, so the clocks agree and it is the token"
	default:
		return "the youngest token accepted lately was issued " + span(c.youngest) + " before it was first seen: if they are sent at once, the clock here is ahead"
	}
}
