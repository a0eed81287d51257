// Package pgstore lets many processes share revocations, and the replays of proofs, through PostgreSQL 13 or newer. A [Store] is a
// revocation.Store and a middleware.ReplayStore:
//
//	pool, err := pgxpool.New(ctx, "postgres://…?target_session_attrs=read-write")
//	store, err := pgstore.New(pool, pgstore.Config{})
//	err = store.Create(ctx)
//	list, err := revocation.New(revocation.Config{Store: store, Secrets: secrets})
//	err = list.Warm(ctx)
//
// # What it promises
//
// Append returns nil once the transaction is committed, with synchronous_commit on at least, whatever the role has; with
// synchronous_standby_names a standby has it on disk then, too, and no failover to it loses anything. Without synchronous standbys a failover may
// lose the last moments, which a List then notices (below) and appends anew. Appends that come while others are being committed
// share the next commit, so that one process appends many thousands a second.
//
// Follow misses nothing that commits late: with each row is the transaction that has written it, and a follower remembers the snapshot that it
// has read, not the highest number that it has seen. NOTIFY wakes it; it looks four times a second anyway. Under load it looks every few milliseconds.
//
// # When something is wrong
//
//   - PostgreSQL cannot be reached, or hangs: Add and Follow return errors after [Config].Timeout at the latest, Append after once more of it for each
//     transaction that it waits for, and each with its context. A List goes on with what it knows, as RevocationsWithin allows, and retries.
//   - It is killed: nothing that was acknowledged is lost.
//   - The pool leads to a standby: Append and Add fail, because it is read-only, and Follow says so. Say target_session_attrs=read-write.
//   - A standby is promoted, or a backup is restored: positions name the cluster, its timeline and a row that was there. If one of them has changed,
//     the position is a gap: the List reads everything and appends what the log has lost. (A copy of files that is put back without recovery
//     keeps its timeline. What is lost by it is noticed, except entries that were being committed while the copy was made.) After pg_restore, and whenever
//     tables are replaced by hand, run Create (or SQL) once, before processes start, because transactions of another cluster have other numbers.
//   - Two servers take themselves for the primary: whoever manages the cluster must fence the old one; no client can tell.
//   - A pooler in transaction mode: set [Config].NoListen, and one of pgx's QueryExecModes that the pooler can serve. New entries are then seen within 250 ms.
//   - A transaction elsewhere stays open for hours: followers do not mind. Rows are not vacuumed meanwhile, as everywhere in PostgreSQL.
//
// # Rights
//
// Create needs the right to create tables, once. Whoever does not want that runs what [Store.SQL] returns as another role, and grants
//
//	grant select, delete, insert (entry, until) on cardea_revocations to api;
//	grant select, insert, delete, update (until) on cardea_replays to api;
//
// Without delete, set [Config].TrimEvery to a negative value and have another role call [Store.Trim]. What is in the tables are entries that a
// List has sealed, and digests: reading them tells nothing, and writing to them revokes nobody. Whoever may delete rows can
// undo revocations for processes that start afterwards. Whoever may only insert rows can keep processes that start from ever being warm: an entry
// that a List cannot read stops its AsOf until the entry is gone. It stops that of processes that run, too, which then refuse what RevocationsWithin
// has them refuse. So grant insert to nobody but the processes that share the log.
package pgstore
