package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	poll    = 250 * time.Millisecond // between two looks at a log of which nobody says that it has changed
	breath  = 5 * time.Millisecond   // between two looks at one that changes all the time
	maxPage = 2000                   // rows at once
	closing = time.Second            // for saying goodbye to the server
)

// Follow delivers entries as revocation.Store has it. It polls, and NOTIFY makes it poll at once. A connection of its own, out of the
// pool, is closed with it. Its errors are those of deliver, of the connection, and of a server that is a standby: that
// one cannot tell what the primary has.
func (s *Store) Follow(ctx context.Context, after string, deliver func(entry []byte, resume string) error, alive func(t time.Time)) error {
	err := s.follow(ctx, after, deliver, alive)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (s *Store) follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	f := &follower{store: s, conn: conn, deliver: deliver}
	if err := f.begin(ctx, after); err != nil {
		return err
	}
	for {
		t := time.Now()
		if err := f.catchUp(ctx); err != nil {
			return err
		}
		alive(t)
		s.tidy()
		if err := f.wait(ctx); err != nil {
			return err
		}
	}
}

// connect takes a connection out of the pool for good: it listens.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	pooled, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, said("follow", err)
	}
	return pooled.Hijack(), nil
}

// follower reads the log on one connection.
type follower struct {
	store   *Store
	conn    *pgx.Conn
	deliver func(entry []byte, resume string) error

	cluster cluster
	seen    snapshot // what was delivered
	full    bool     // nothing was yet
	highest row      // that was delivered, in the order in which rows are read; zero: none was
	held    *record  // was read and not delivered, because its position is not known yet
}

// record is a row with its entry.
type record struct {
	row
	entry []byte
}

// begin listens, and finds the place to read from.
func (f *follower) begin(ctx context.Context, after string) error {
	ctx, cancel := f.store.limited(ctx)
	defer cancel()
	var standby bool
	if err := f.conn.QueryRow(ctx, "select pg_is_in_recovery()").Scan(&standby); err != nil {
		return said("follow", err)
	}
	if standby {
		return fmt.Errorf("pgstore: follow: %w", errStandby)
	}
	if !f.store.cfg.NoListen {
		if _, err := f.conn.Exec(ctx, f.store.sql.listen); err != nil {
			return said("listen", err)
		}
	}
	var err error
	if f.cluster, err = f.where(ctx); err != nil {
		return err
	}
	f.seen, f.full = nothing, true
	if after == "" {
		return nil
	}
	p, ok := parsePosition(after)
	if !ok {
		return &gapError{"the position is not one of this kind of store"}
	}
	if err := f.resumable(ctx, p); err != nil {
		return err
	}
	f.seen, f.full, f.highest = p.seen, false, p.witness
	return nil
}

// where asks which cluster this is. Some providers do not tell; then the witness of a position alone says whether it is the same.
func (f *follower) where(ctx context.Context) (c cluster, err error) {
	for _, ask := range []struct {
		query string
		to    *string
	}{
		{"select system_identifier::text from pg_control_system()", &c.system},
		{"select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)", &c.timeline},
	} {
		err := f.conn.QueryRow(ctx, ask.query).Scan(ask.to)
		if _, refused := answered(err); err != nil && !refused {
			return cluster{}, said("follow", err)
		}
	}
	return c, nil
}

// resumable says why the log is not the one that p was given for.
func (f *follower) resumable(ctx context.Context, p position) error {
	if p.cluster != f.cluster {
		return &gapError{"the position is of another database cluster, or of a time before it was restored or failed over"}
	}
	var now string
	var there bool
	if err := f.conn.QueryRow(ctx, f.store.sql.witness, p.witness.id, strconv.FormatUint(p.witness.xid, 10), p.witness.at).Scan(&there); err != nil {
		return said("follow", err)
	}
	if err := f.conn.QueryRow(ctx, "select pg_current_snapshot()::text").Scan(&now); err != nil {
		return said("follow", err)
	}
	current, err := parseSnapshot(now)
	switch {
	case err != nil:
		return err
	case !there:
		return &gapError{"the last row that was delivered is not there: the log was restored, is another, or has trimmed it since"}
	case p.seen.max > current.max || p.witness.xid >= current.max:
		return &gapError{"the position lies in the future of this database"}
	default:
		return nil
	}
}

var errStandby = errors.New("the server is a standby, which cannot tell what the primary has: connect to the primary (target_session_attrs=read-write)")

// catchUp delivers everything that is visible now and was not when it was last called. Pages after the first one may see more; what counts
// as seen is what the first one could.
func (f *follower) catchUp(ctx context.Context) error {
	var first *snapshot
	unfinished := f.seen.inProgress
	place := row{xid: f.seen.max - 1, id: math.MaxInt64}
	for {
		p, err := f.page(ctx, unfinished, place)
		if err != nil {
			return err
		}
		if first == nil {
			first = &p.now
		}
		for i := range p.records {
			if r := p.records[i].row; r.xid < p.now.max && r.after(f.highest) { // others come from another cluster
				f.highest = r
			}
			if err := f.next(&p.records[i]); err != nil {
				return err
			}
		}
		if !p.more {
			break
		}
		place, unfinished = p.last, nil
	}
	f.seen, f.full = *first, false
	return f.last()
}

// position says where to resume once everything that the first page could see has been delivered. It names the highest row and counts no
// transaction after that one as seen: none of them has a row that was delivered, and in a copy of the files that is put back,
// their numbers will be given again. If a later page has shown the highest row, transactions with lower numbers may have begun after the first
// page and be open still; so it counts none as seen that the first page could not see. Empty: nothing was delivered.
func (f *follower) position() string {
	if f.highest.xid == 0 {
		return ""
	}
	seen := snapshot{max: min(f.highest.xid+1, f.seen.max)}
	for _, xid := range f.seen.inProgress {
		if xid < seen.max {
			seen.inProgress = append(seen.inProgress, xid)
		}
	}
	return position{f.cluster, seen, f.highest}.String()
}

// next delivers what was read before r, without a position: what commits late may lie before it.
func (f *follower) next(r *record) error {
	held := f.held
	f.held = r
	if held == nil {
		return nil
	}
	return f.deliver(held.entry, "")
}

// last delivers the last one of a look, with a position: everything that the first page could see has been delivered.
func (f *follower) last() error {
	held := f.held
	f.held = nil
	if held == nil {
		return nil
	}
	return f.deliver(held.entry, f.position())
}

// page is what one look has shown.
type page struct {
	records []record
	now     snapshot
	last    row  // in the order in which pages follow one another
	more    bool // there may be another page
}

// page reads the rows of the unfinished transactions, and a page of those after a place.
func (f *follower) page(ctx context.Context, unfinished []uint64, after row) (p page, err error) {
	ctx, cancel := f.store.limited(ctx)
	defer cancel()
	rows, err := f.conn.Query(ctx, f.store.sql.read, decimals(unfinished), strconv.FormatUint(after.xid, 10), after.id, f.full, f.store.maxPage, time.Now())
	if err != nil {
		return page{}, said("follow", err)
	}
	var (
		now     string
		standby bool
		id      *int64 // nil: there is no row
		xid     *string
		at      *time.Time
		entry   []byte
		ordered int
	)
	p.last = after
	_, err = pgx.ForEachRow(rows, []any{&now, &standby, &id, &xid, &at, &entry}, func() error {
		if standby {
			return errStandby
		}
		if id == nil {
			return nil
		}
		n, err := number(*xid)
		if err != nil {
			return err
		}
		r := record{row{*id, n, *at}, entry}
		p.records = append(p.records, r)
		if r.after(after) {
			ordered++
		}
		if r.after(p.last) {
			p.last = r.row
		}
		return nil
	})
	if err == nil {
		p.now, err = parseSnapshot(now)
	}
	if err != nil {
		return page{}, said("follow", err)
	}
	p.more = ordered == f.store.maxPage
	return p, nil
}

// after says whether a row comes after another in the order in which they are read.
func (r row) after(other row) bool { return r.xid > other.xid || r.xid == other.xid && r.id > other.id }

// wait returns when the log has changed, or may have.
func (f *follower) wait(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, poll)
	defer cancel()
	if f.store.cfg.NoListen {
		<-waiting.Done()
		return ctx.Err()
	}
	_, err := f.conn.WaitForNotification(waiting)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && (waiting.Err() == nil || f.conn.IsClosed()):
		return said("follow", err)
	case err != nil:
		return nil // nobody said anything
	}
	// Under load there are as many messages as commits: those of a moment are one.
	select {
	case <-ctx.Done():
	case <-time.After(breath):
	}
	past, cancelPast := context.WithCancel(ctx)
	cancelPast()
	for err == nil {
		_, err = f.conn.WaitForNotification(past)
	}
	return ctx.Err()
}
