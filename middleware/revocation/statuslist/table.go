package statuslist

import (
	"errors"
	"maps"
	"strings"
	"sync/atomic"
	"time"
)

// key says which list: one that tokens of two issuers name is two lists, because they are held to different rules.
type key struct{ issuer, uri string }

// table is every list that is known. It is never changed: whoever adds a list makes a new one, so that nobody who reads has to wait.
type table map[key]*list

// list is one status list, and what is known of it.
type list struct {
	key   key
	rules *rules
	held  atomic.Pointer[knowledge] // nil: nothing yet; written under Lists.mu
	used  atomic.Int64              // when it was last used, to a second, as the time since Lists.start
	hits  atomic.Uint64             // requests that were refused

	// unused says that nobody used the list until it was to be fetched again, so that it was not. Whoever uses it next waits for a fetch, as at
	// first sight; if that brings nothing, what is held is used as long as it may be. Set under Lists.mu.
	unused atomic.Bool

	// Lists.mu guards what follows.
	flight   *flight   // nil: no fetch is under way
	began    time.Time // the last fetch
	barred   time.Time // no other one begins before this
	failures int       // in a row
	failure  error     // of the last fetch
	told     time.Time // when that was last logged
	timer    *time.Timer
	gone     bool // it made room for another
	watchers map[*watcher]struct{}
}

// useful is how exactly list.used is known. Writing it at every request would slow down all of them.
const useful = time.Second

func (l *list) touch(at time.Duration) {
	if last := time.Duration(l.used.Load()); at-last >= useful {
		l.used.Store(int64(at))
	}
}

// usable is what is held and may be used; nil: nothing.
func (l *list) usable(now time.Time) *knowledge {
	if k := l.held.Load(); k != nil && now.Before(k.end) {
		return k
	}
	return nil
}

// usedSince may be wrong for what was used within a second before.
func (l *list) usedSince(at time.Duration) bool { return time.Duration(l.used.Load()) > at-useful }

var errFull = errors.New("so many lists are in use that there is no room for another one: raise Config.MaxLists")

// enter returns the list of this key, and makes it if there is room; with beyond, even if there is none. The caller holds mu.
func (l *Lists) enter(k key, now time.Time, beyond bool) (*list, error) {
	known := *l.known.Load()
	if one := known[k]; one != nil {
		return one, nil
	}
	if len(known) >= l.cfg.MaxLists && !l.makeRoom(known, now) && !beyond {
		return nil, errFull
	}
	k = key{strings.Clone(k.issuer), strings.Clone(k.uri)} // not a part of a token that would have to be kept
	one := &list{key: k, rules: l.rules.of(k.issuer)}
	one.used.Store(int64(now.Sub(l.start)))
	changed := maps.Clone(*l.known.Load())
	changed[k] = one
	l.known.Store(&changed)
	return one, nil
}

// makeRoom drops the list that was not used for longest. One that was asked for only just stays: otherwise more lists than there is room for
// would take turns, each with a fetch. One with streams stays because nobody else would tell them.
func (l *Lists) makeRoom(known table, now time.Time) bool {
	var oldest *list
	for _, one := range known {
		if one.flight != nil || len(one.watchers) > 0 || now.Sub(one.began) < l.cfg.MinTTL {
			continue
		}
		if oldest == nil || one.used.Load() < oldest.used.Load() {
			oldest = one
		}
	}
	if oldest == nil {
		return false
	}
	l.drop(oldest)
	return true
}

// drop forgets a list. The caller holds mu.
func (l *Lists) drop(one *list) {
	one.gone = true
	one.disarm()
	l.hits.Add(one.hits.Load())
	changed := maps.Clone(*l.known.Load())
	delete(changed, one.key)
	l.known.Store(&changed)
}

// arm sets the one timer. The caller holds mu.
func (l *Lists) arm(one *list, at time.Time) {
	if one.timer == nil {
		one.timer = time.AfterFunc(time.Until(at), func() { l.tick(one) })
		return
	}
	one.timer.Reset(time.Until(at))
}

func (l *list) disarm() {
	if l.timer != nil {
		l.timer.Stop()
	}
}
