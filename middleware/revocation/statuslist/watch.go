package statuslist

import (
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// watcher is one stream that wants to hear when its token is refused.
type watcher struct {
	index int
	once  sync.Once
	call  func()
}

func (w *watcher) revoked() { w.once.Do(w.call) }

// Notify calls revoked once when a list that was fetched anew refuses the token, until stop is called. The list is kept fresh as long. It says
// nothing of what is known already: Judge does. A list that cannot be had calls nobody; Config.RevocationsWithin ends such streams.
func (l *Lists) Notify(t middleware.TokenFacts, revoked func()) (stop func()) {
	if !l.rules.of(t.Issuer).allow(t.Issuer, t.StatusURI) {
		return func() {} // nothing that is fetched can change what Judge says
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	one, _ := l.enter(key{t.Issuer, t.StatusURI}, now, true)
	w := &watcher{index: t.StatusIndex, call: revoked}
	if one.watchers == nil {
		one.watchers = make(map[*watcher]struct{})
	}
	one.watchers[w] = struct{}{}
	l.streams++
	l.plan(one, now)
	return func() { l.leave(one, w) }
}

func (l *Lists) leave(one *list, w *watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, listens := one.watchers[w]; listens {
		delete(one.watchers, w)
		l.streams--
	}
}

// hit lists the streams whose tokens are refused. The caller holds Lists.mu, and calls them without: a function of theirs may well call stop.
func (l *list) hit() []*watcher {
	var hit []*watcher
	k := l.held.Load()
	for w := range l.watchers {
		if l.rules.kind(k.statuses, w.index) != "" {
			hit = append(hit, w)
		}
	}
	return hit
}
