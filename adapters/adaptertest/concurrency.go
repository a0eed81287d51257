package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"
)

func concurrency() []clause {
	return []clause{{
		"at once: many requests",
		"Of requests that run at the same time each sees its own token, and bad ones among them are refused.",
		manyAtOnce,
	}}
}

const (
	parallel = 32
	patience = 10 * time.Second // with an adapter that serves one request after another
)

var errOneByOne = errors.New("the handlers of requests that are there at the same time do not run at the same time")

// manyAtOnce holds all handlers back until the last one has begun, so that the requests do overlap.
func manyAtOnce(serve adapter) error {
	a := newAPI(nil)
	waiting, giveUp := context.WithTimeoutCause(context.Background(), patience, errOneByOne)
	defer giveUp()
	var begun atomic.Int64
	all := make(chan struct{})

	guard := a.Require("read")
	h := serve(guard, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if begun.Add(1) == parallel {
			close(all)
		}
		select {
		case <-all:
		case <-waiting.Done():
		}
		_, _ = w.Write([]byte("hello " + subject(r)))
	}))
	refused := served(guard.Handler(http.NotFoundHandler()), bearer(a.forgedToken()))
	var requests sync.WaitGroup
	problems := make([]error, 2*parallel)
	for i := range parallel {
		name := fmt.Sprintf("user %d", i)
		good, bad := bearer(a.token(name, "read")), bearer(a.forgedToken())
		requests.Go(func() {
			problems[2*i] = differ("answer to "+name, served(h, good), "200 hello "+name)
			giveUp() // whoever still waits for others waits in vain
		})
		requests.Go(func() { problems[2*i+1] = differ("answer to a forged token", served(h, bad), refused) })
	}
	requests.Wait()
	if errors.Is(context.Cause(waiting), errOneByOne) {
		problems = append(problems, errOneByOne)
	}
	return errors.Join(problems...)
}

// served gives the status and the body of the answer.
func served(h http.Handler, c call) (answer string) {
	defer func() {
		if p := recover(); p != nil {
			answer = fmt.Sprintf("panic: %v", p)
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, c.request())
	return fmt.Sprintf("%d %s", w.Code, w.Body)
}
