// Package storetest states what a revocation.Store must do, as tests that every engine can run:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Engine {
//			db := newDatabase(t)
//			return storetest.Engine{Open: func() revocation.Store { return mystore.New(db) }}
//		})
//	}
//
// In short: what Append acknowledged every follower gets, whatever commits late, breaks or is restored; a position is safe to resume from or
// is a gap; and alive(t) is never said while something is missing that was appended before t. What an engine alone can do, such as to
// restart or to restore a backup, is a function of [Engine] that may be left out; the subtests that need it are then skipped, by name.
//
// [Memory] is a Store in this process for tests of what uses one, with faults to inject. The package is for tests; nothing else may
// import it.
package storetest
