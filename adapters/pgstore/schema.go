package pgstore

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// margin is how much longer an entry is kept than it lives, because the clocks of processes and server differ.
const margin = "interval '1 minute'"

// durable makes a commit wait until it is on disk, here and on the synchronous standbys, wherever the role or the database was set to less.
const durable = `case when current_setting('synchronous_commit') in ('off', 'local', 'remote_write') then set_config('synchronous_commit', 'on', true) end`

// In the log, xid is the transaction that has appended: by it and the snapshot of a reader it is known what the reader has seen. Numbers of a
// sequence would not do, because they are given before a transaction commits.
func newStatements(schema, prefix string) statements {
	log, replays := quoted(schema, prefix+"_revocations"), quoted(schema, prefix+"_replays")
	channel := schema + "." + prefix + "_revocations"
	index := func(table, columns string) string {
		of := prefix + "_" + table + "_" + strings.ReplaceAll(columns, ", ", "_")
		return fmt.Sprintf("create index if not exists %s on %s (%s)", pgx.Identifier{of}.Sanitize(), quoted(schema, prefix+"_"+table), columns)
	}
	const vacuum = "with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05)"
	foreign := fmt.Sprintf("update %s set xid = pg_current_xact_id() where xid >= pg_snapshot_xmax(pg_current_snapshot())", log)
	return statements{
		channel: channel,
		listen:  "listen " + pgx.Identifier{channel}.Sanitize(),
		schema: []string{
			fmt.Sprintf(`create table if not exists %s (
	id    bigint generated always as identity primary key,
	xid   xid8 not null default pg_current_xact_id(),
	at    timestamptz not null default clock_timestamp(),
	until timestamptz not null,
	entry bytea not null
) %s`, log, vacuum),
			index("revocations", "xid, id"),
			index("revocations", "until"),
			fmt.Sprintf(`create table if not exists %s (
	key   bytea primary key,
	until timestamptz not null
) %s`, replays, vacuum),
			index("replays", "until"),
			foreign,
		},
		exists:  fmt.Sprintf("select to_regclass('%s') is not null and to_regclass('%s') is not null", log, replays),
		foreign: fmt.Sprintf("select exists (select from %s where xid >= pg_snapshot_xmax(pg_current_snapshot()))", log),

		// One statement is one transaction. A data-modifying WITH is always carried out.
		append: fmt.Sprintf(`with appended as (
	insert into %s (entry, until) select * from unnest($1::bytea[], $2::timestamptz[]) returning 1
) select (select count(*) from appended), pg_notify($3, ''), %s`, log, durable),

		// What has ended has done so by the server's clock and by that of this process, which a statement is given: of two that differ one is
		// ahead, and by that one alone nothing is forgotten.

		// $1 are transactions that had not ended when the reader last looked, $2 and $3 the place after which it goes on, $4 that it reads
		// everything, $5 how much at once, and $6 what time it is here. A row of a transaction that is yet to begin comes from another cluster and is
		// only in a full read.
		read: fmt.Sprintf(`select now.snapshot::text, now.standby, e.id, e.xid::text, e.at, e.entry
from (select pg_current_snapshot() as snapshot, pg_is_in_recovery() as standby) as now
left join lateral (
	(select id, xid, at, entry from %[1]s where xid = any($1::text[]::xid8[]) and until > least(now(), $6) - %[2]s)
	union all
	(select id, xid, at, entry from %[1]s
	where (xid, id) > ($2::text::xid8, $3) and ($4 or xid < pg_snapshot_xmax(now.snapshot)) and until > least(now(), $6) - %[2]s
	order by xid, id limit $5)
) as e on true`, log, margin),
		witness: fmt.Sprintf("select exists (select from %s where id = $1 and xid = $2::text::xid8 and at = $3)", log),

		// The highest row stays, so that the position of a follower that has seen everything names a row. $1 is how many go, $2 what time it is
		// here.
		trim: [2]string{
			fmt.Sprintf(`delete from %[1]s where id in (
	select id from %[1]s where until < least(now(), $2) - %[2]s
	and (xid, id) < (select xid, id from %[1]s order by xid desc, id desc limit 1) order by until limit $1
)`, log, margin),
			fmt.Sprintf("delete from %[1]s where key in (select key from %[1]s where until < least(now(), $2) - %[2]s order by until limit $1)", replays, margin),
		},
		add: fmt.Sprintf(`with added as (
	insert into %s as known (key, until) values ($1, $2)
	on conflict (key) do update set until = excluded.until where known.until < least(now(), $3) - %s returning 1
) select exists (select from added), %s`, replays, margin, durable),
		lock: lockOf(channel + " trim"), creating: lockOf(channel + " create"),
	}
}

// lockOf returns the key of an advisory lock.
func lockOf(text string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("cardea " + text))
	return int64(h.Sum64())
}

// SQL returns what Create does, for those whose application may not create tables. It may be run again, and has to be after the tables were
// restored into another cluster with pg_restore.
func (s *Store) SQL() string { return strings.Join(s.sql.schema, ";\n") + ";\n" }

// Create makes the tables that are not there. It may be called by every process at every start, and at the same time. Where they are there, it
// needs no right to create.
func (s *Store) Create(ctx context.Context) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	var exists, foreign bool
	if err := s.pool.QueryRow(ctx, s.sql.exists).Scan(&exists); err != nil {
		return failed(ctx, "looking for the tables", err)
	}
	if exists {
		if err := s.pool.QueryRow(ctx, s.sql.foreign).Scan(&foreign); err != nil {
			return failed(ctx, "reading the table of revocations", err)
		}
		if !foreign {
			return nil
		}
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock($1)", s.sql.creating); err != nil {
			return err
		}
		for _, statement := range s.sql.schema {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return failed(ctx, "creating the tables (Store.SQL is what a role that may do so has to run)", err)
	}
	return nil
}
