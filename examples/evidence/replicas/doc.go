// Package replicas proves what revocations promise between processes that share a PostgreSQL: that they arrive, that knowledge which is too
// old admits nobody, and that nothing that was acknowledged is lost when a process or the database is killed.
//
//	go test ./examples/evidence/replicas -v              # small numbers
//	go test ./examples/evidence/replicas -v -args -full  # ten thousand revocations, and the second in which 99 % arrive
package replicas
