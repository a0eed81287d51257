package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

// scope ends with a clause, and so does every Follow that the clause has begun, even if it gives up early.
type scope struct {
	ctx     context.Context
	follows *sync.WaitGroup
}

// newScope returns a scope and the function that ends it.
func newScope() (s scope, end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	s = scope{ctx, new(sync.WaitGroup)}
	return s, func() error {
		cancel()
		ended := make(chan struct{})
		go func() { s.follows.Wait(); close(ended) }()
		select {
		case <-ended:
			return nil
		case <-time.After(patience):
			return fmt.Errorf("a Follow did not return within %v after its ctx had ended", patience)
		}
	}
}

// engine is e with Stores that end with the scope.
func (s scope) engine(e Engine) Engine {
	open, other := e.Open, e.Other
	e.Open = func() revocation.Store { return scoped{open(), s} }
	if other != nil {
		e.Other = func() revocation.Store { return scoped{other(), s} }
	}
	return e
}

type scoped struct {
	revocation.Store
	scope scope
}

func (s scoped) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	s.scope.follows.Add(1)
	defer s.scope.follows.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.scope.ctx, cancel)()
	return s.Store.Follow(ctx, after, deliver, alive)
}
