// Package redisstore keeps what the instances of an API share in Redis 7 or Valkey, on one server, behind Sentinel or in a Cluster: what was
// revoked, which DPoP proofs are spent, and what an introspection endpoint has answered.
//
//	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "cardea", SentinelAddrs: addrs, ContextTimeoutEnabled: true})
//	store, err := redisstore.New(redisstore.Config{Client: client})
//	list, err := revocation.New(revocation.Config{Store: store, Secrets: secrets})
//	cfg.Revocations = []middleware.Revocations{list}
//	cfg.DPoP.Replays = store
//
// One Store may serve all three, or each has its own: examples/redis of the repository is such a program. The package imports nothing of Cardea; a
// program that uses none of it carries no Redis.
//
// # The client
//
// The client, its addresses, TLS and passwords are yours. ContextTimeoutEnabled is required, or a silent server would outlast every time-out
// here. Retries may stay on: whatever is sent twice counts once. ReadTimeout bounds how long replicas are waited for, at half of it. A List
// holds one connection of the pool. go-redis writes lines of its own about connections to standard error; its package logging turns that off.
//
// # The server
//
// Revocations and proofs must not be forgotten, so the server needs, and its replicas too, as one of them may take its place:
//
//	appendonly yes
//	maxmemory-policy noeviction
//
// A server without replicas that is killed while its disk is slow loses what it took in the last two seconds, unless it has appendfsync always, or
// [Config.Fsync] asks for as much: entries that an instance still holds come back with it, a proof of that moment could be spent again.
//
// Store asks for both before it first uses a server, once a minute and whenever the replication id is a new one, and refuses another one with the
// remedy ([Config.DangerouslyVolatile] takes it). A cache of answers alone may be on a server that evicts. A user needs these
// permissions, and INFO is asked for in place of CONFIG, which managed services withhold:
//
//	ACL SETUSER api on >… ~cardea:* ~{cardea:log}:* +@connection +info +time +wait +set +getrange +pexpire +xadd +xread +xrange +xtrim
//
// With [Config.Fsync] it is +waitaof too, in a Cluster +cluster|slots +cluster|shards +command.
//
// # Replicas
//
// A primary that dies takes with it what no replica has. So Append and Add wait, on the connection that wrote, until every replica that is
// connected has confirmed ([Config.Replicas] says another number), and a write that too few have is an error: ErrNotShared of the List, which
// holds it here and tries again; 503 of a proof. A primary that has lost all its replicas confirms nothing until one is back or another was
// promoted: it may be the one that was cut off. A List that follows such a primary sees its knowledge grow old, and RevocationsWithin decides what
// that means. A process that starts while its primary is cut off cannot know that; Replicas: 1, or min-replicas-to-write 1 of the
// server, makes that certain.
//
// # When the server is of no use
//
// What follows holds whether it is gone, silent, slow, full, read-only, loading, failing over, closed to us or answering nonsense:
//
//	Append        an error, within ctx and five seconds; the entry holds in this process
//	Follow        an error, and the List follows again; alive is not called, so knowledge grows old as it should
//	Add           an error within Timeout (250 ms), which is 503, for requests with proofs only
//	Get and Set   an error within CacheTimeout (50 ms), and the issuer's server is asked
//
// Nobody goes on with the proofs that one process has seen: whoever has taken one would send it to another. Nothing
// else is refused, as long as what a List knows is younger than RevocationsWithin.
//
// After three failures in a row Add, Get and Set fail at once, without asking, and one call twice a second finds out whether that has changed. One line
// a minute is logged. In a Cluster that is so for each primary by itself. While a slot of a Cluster moves to another server, what is in
// it is an error, too; the one that takes it must not die before its replicas have what it was handed, for which Redis does not wait.
//
// # Failover, restarts and gaps
//
// A follower that lost its connection goes on where it was if the server it finds has all that it had read: the same one, or a replica that
// was promoted when it had come as far. Anything else is a gap (a restart, a lagging replica, a deleted log, a backup), after which the List
// reads everything and appends what is missing.
//
// # Whoever reads or writes there
//
// Entries and answers are sealed by the core, and keys are digests: whoever reads the server learns no subject and no token, whoever writes to it revokes
// nobody and makes no answer good. A proof is fresh only if the server returns a random value that was made for this one question. What a writer
// can do is to delete: a deleted proof can be spent again by whoever has it, and an instance that starts does not learn of deleted
// revocations until another one has appended them anew. So the server belongs behind a password, TLS and a firewall as any database does.
// A server that was replaced by a hostile one can make go-redis, which allocates what an answer announces, use up this process's memory.
//
// # Keys
//
// They are the same in every version, so old and new instances share them:
//
//	PREFIX:proof:DIGEST     a proof, until it expires and a minute more
//	PREFIX:answer:DIGEST    an answer
//	{PREFIX:log}:00 to 21   streams of revocations, by how long they live: 6 minutes, 12, 24 and so on; the last one is for those beyond 12 years
//	{PREFIX:log}:id, :beat  the name of the log, and what followers write to be confirmed
//
// In a Cluster the log is in one slot; proofs and answers spread over all. Appending cuts what has ended off the streams, so an entry rests at most twice
// as long as it lives, five minutes included.
//
// # Cost
//
// A repeated token costs nothing here. A proof, an answer and an entry are one round trip each; a follower asks two questions twice a second,
// and at once when something is new. After that it rests for a tenth of a millisecond for each client that the server has, a quarter of a second
// at most, so that while many follow and much is revoked each of them asks seldom and gets much at once. What one server is enough for, and
// from when on to use several, is in examples/evidence/scale of the repository.
package redisstore
