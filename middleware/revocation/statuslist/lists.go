package statuslist

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Lists are the status lists that tokens have named, and a middleware.Revocations. They are safe for concurrent use. What they know ends with
// the process. Nothing is fetched and no goroutine runs before a token names a list.
type Lists struct {
	_ [0]func() // not comparable; made by New

	cfg    Config
	keys   *middleware.Validator
	rules  *ruleTable
	client *http.Client
	gates  gates
	start  time.Time
	base   context.Context // what every fetch runs under: no caller's, as a caller that leaves must not end it for the others
	cancel context.CancelFunc

	known  atomic.Pointer[table] // written under mu
	closed atomic.Bool

	hits     atomic.Uint64 // on tokens that have no list, or one that was dropped
	foreign  atomic.Int64  // when an address that is not asked was last logged, as time since start; 0: never
	complain sync.Once     // the first time of that

	mu      sync.Mutex // guards what it says, in each list as well
	streams int
}

var _ middleware.Revocations = (*Lists)(nil)

// New makes Lists. v has the keys that lists are verified by, those of every issuer of tokens and of every SignedBy; it is another Validator
// than the one whose Config.Revocations will name the Lists, and lives as long as they do. It is never asked about tokens. New does no
// I/O and starts no goroutine. The error joins every mistake in cfg.
func New(v *middleware.Validator, cfg Config) (*Lists, error) {
	if !usable(v) {
		return nil, errNoValidator
	}
	cfg, err := cfg.complete()
	rules, mistakes := newRuleTable(v, cfg.Issuers)
	if err := errors.Join(append(mistakes, err)...); err != nil {
		return nil, err
	}
	base, cancel := context.WithCancel(context.Background())
	l := &Lists{cfg: cfg, keys: v, rules: rules, client: newClient(cfg.HTTPClient), start: time.Now(), base: base, cancel: cancel}
	l.known.Store(&table{})
	return l, nil
}

// Judge implements middleware.Revocations. It answers from memory.
func (l *Lists) Judge(t middleware.TokenFacts) middleware.Verdict {
	if l.closed.Load() {
		return middleware.Verdict{}
	}
	now := time.Now()
	var known *list
	if t.StatusURI != "" {
		known = (*l.known.Load())[key{t.Issuer, t.StatusURI}]
	}
	if known == nil {
		return l.judgeUnlisted(&t, now)
	}
	k := known.usable(now)
	if k == nil || known.unused.Load() {
		return middleware.Verdict{}
	}
	known.touch(now.Sub(l.start))
	kind := known.rules.kind(k.statuses, t.StatusIndex)
	if kind != "" {
		known.hits.Add(1)
	}
	return middleware.Verdict{Kind: kind, AsOf: k.asOf}
}

// judgeUnlisted judges a token whose list is not known. If it may be fetched, nothing is known yet.
func (l *Lists) judgeUnlisted(t *middleware.TokenFacts, now time.Time) middleware.Verdict {
	verdict := middleware.Verdict{AsOf: now}
	switch rules := l.rules.of(t.Issuer); {
	case t.StatusURI == "" && t.StatusIndex != 0:
		verdict.Kind = Unreadable
	case t.StatusURI == "" && rules.required:
		verdict.Kind = Missing
	case t.StatusURI == "":
		return verdict
	case rules.allow(t.Issuer, t.StatusURI):
		return middleware.Verdict{}
	default:
		verdict.Kind = Foreign
		l.logForeign(t, now)
	}
	l.hits.Add(1)
	return verdict
}

// logForeign says at most once a minute that a token named an address that is not asked, since the remedy is a line of Config.
func (l *Lists) logForeign(t *middleware.TokenFacts, now time.Time) {
	at, last := int64(now.Sub(l.start)), l.foreign.Load()
	first := false
	l.complain.Do(func() { first = true })
	if !first && at-last < int64(time.Minute) || !l.foreign.CompareAndSwap(last, at) {
		return
	}
	l.cfg.log().Error("statuslist: a token names a list at an address from which lists of its issuer do not come, so it is refused: "+
		"name it in Issuer.Origins, if it is right",
		"issuer", t.Issuer, "list", shown(t.StatusURI))
}

// Close ends what Lists have started. Requests that would ask them are not judged from then on (503). It never closes the Validator, and may be
// called more than once.
func (l *Lists) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed.Store(true)
	l.cancel()
	for _, known := range *l.known.Load() {
		known.disarm()
	}
	return nil
}
