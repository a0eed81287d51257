package introspection

import (
	"log/slog"
	"sync"
	"time"
)

const complaintEvery = time.Minute

// subject is what a complaint is about. One odd token can bring about a complaint of refused credentials, so that must not
// take the line of a server that stops answering. A server that refuses our credentials, and is therefore left alone, is
// one trouble and not two: it has the first of these lines only.
type subject int

const (
	aboutCredentials subject = iota
	aboutServer
	aboutPanic
	subjects
)

// complaints logs what only the operator can mend, one line a minute about each subject.
type complaints struct {
	logger *slog.Logger

	mu   sync.Mutex
	last [subjects]time.Time
}

func (c *complaints) say(about subject, message string, attrs ...any) {
	if c.due(about, time.Now()) {
		c.logger.Error("introspection: "+message, attrs...)
	}
}

func (c *complaints) due(about subject, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := &c.last[about]
	if !last.IsZero() && now.Sub(*last) < complaintEvery {
		return false
	}
	*last = now
	return true
}
