package adaptertest

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// Run tests an adapter, one subtest for each clause of the contract. A failed one prints the clause and what was seen in
// its place.
//
// serve builds an engine of the framework in which the adapter, made from g, stands in front of next, for every path and
// for the methods GET, HEAD, POST and OPTIONS, and returns it. Run calls it for every clause anew, and nests one
// engine in another. g may be nil, which serve hands to the adapter like any other Guard.
//
// The engine has nothing else in it. In particular it recovers no panics and redirects no paths, and next stands on a
// route, because frameworks answer for what no route matches in their own way. If the framework can
// only reach next through its own kind of handler, serve writes one that calls next with the framework's
// http.ResponseWriter and with the request that a handler behind the adapter gets.
func Run(t *testing.T, serve func(g *middleware.Guard, next http.Handler) http.Handler) {
	t.Helper()
	for _, c := range contract() {
		t.Run(c.name, func(t *testing.T) {
			if err := c.test(serve); err != nil {
				t.Errorf("%s\n%v", c.promise, err)
			}
		})
	}
}

// adapter is the serve of Run.
type adapter = func(g *middleware.Guard, next http.Handler) http.Handler

// clause is one promise of the contract. That its check returns an error instead of failing a test is what lets the kit
// be tested with adapters that break the promise.
type clause struct {
	name    string // of the subtest
	promise string // one sentence, printed when it is broken
	check   func(serve adapter) error
}

func contract() []clause {
	return slices.Concat(refusals(), admissions(), responses(), errorHandlers(), nesting(), concurrency(), proofsOfPossession())
}

// test turns a panic of the adapter into a broken promise, so that the clauses after it are still tested.
func (c clause) test(serve adapter) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.check(serve)
}
