// Package replicas proves what processes promise that share a PostgreSQL or a Redis: that revocations arrive, that knowledge which is too old
// admits nobody, that nothing that was acknowledged is lost when processes, the database or the primary of a group are killed, and that of eight
// processes one accepts a proof.
//
//	go test ./examples/evidence/replicas -v              # small numbers
//	go test ./examples/evidence/replicas -v -args -full  # ten thousand revocations, the second in which 99 % arrive, and Valkey as well
package replicas
