// Package model calculates what instances that share revocations through Redis cost and wait, beyond what one machine can be measured with.
// It reads no clock and is given its seed, so it says the same each time.
//
// # The model
//
// The engine is one thread that serves what arrives in the order in which it arrives. Each thing that it does takes a measured time: an
// append; a look, which is the question of a follower for what is new, with its proof that nothing is missing; each entry that a look
// delivers; and a wait, which is the blocking question of a follower that has seen everything. A look and a wait come by turns and are
// measured together, for several numbers of followers of which the nearest counts; each is taken for a half. Of several measurements of one
// thing the least counts, as other work on the machine can only add.
//
// An append wakes every follower that waits, one after the other, before the engine does anything else. A follower that was woken looks: it
// gets what is in the log when the engine begins to serve it, 512 entries at most. If it got as many it looks again. If it got fewer it rests,
// for a tenth of a millisecond for each client of the engine and a quarter of a second at most; then, and if it got none at once, it waits, which
// ends at once if something has come meanwhile and after half a second if nothing comes. Between two questions pass the round trip and the
// time that the follower itself works: a time for each look and one for each entry. An instance is two clients: one that follows, and one
// for all else.
//
// What the engine sends goes through one line of limited width, in order. Revocations come at random, independently of each other, with a
// mean rate; whether those before are acknowledged makes no difference. One follower in several is watched for when entries arrive.
//
// Where instances share the cores of one machine with each other and with the engine, as they do where this is checked against what was
// measured, their work waits for the cores but one, in order. Else each has a core of its own.
//
// How followers ask, and the numbers of that, are those of package redisstore.
//
// # What it leaves out
//
// Replicas of the engine and waiting for them; connections that break; the work of the instances for requests; threads for input and output
// (io-threads), which make an engine faster than this one; that costs fall when many questions are served in one turn, and rise when
// the processor's caches are full; trimming; retries of revocations that were not acknowledged within five seconds, which are only
// counted; garbage collection.
package model
