package introspection

import (
	"log/slog"
	"sync"
	"time"
)

const complaintEvery = time.Minute

// complaints logs what only the operator can mend, each message once a minute at most. Messages are constants, so the
// map is bounded.
type complaints struct {
	logger *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time
}

func (c *complaints) say(message string, attrs ...any) {
	if c.due(message, time.Now()) {
		c.logger.Error("introspection: "+message, attrs...)
	}
}

func (c *complaints) due(message string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last, said := c.last[message]; said && now.Sub(last) < complaintEvery {
		return false
	}
	if c.last == nil {
		c.last = make(map[string]time.Time)
	}
	c.last[message] = now
	return true
}
