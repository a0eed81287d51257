package loopback

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Ordinary is a client made of net/http's own, which takes about as much of the CPU as the server does.
type Ordinary struct {
	http     *http.Client
	requests []*http.Request
	took     [][]time.Duration // of each request's repetitions
}

// DialOrdinary sends one request with each token, all at once, and so opens a connection for each.
func DialOrdinary(addr, path string, tokens []string) (*Ordinary, error) {
	o := &Ordinary{
		http: &http.Client{
			Timeout:   patience,
			Transport: &http.Transport{MaxIdleConns: len(tokens), MaxIdleConnsPerHost: len(tokens)},
		},
		took: make([][]time.Duration, len(tokens)),
	}
	for _, token := range tokens {
		r, err := http.NewRequest(http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		o.requests = append(o.requests, r)
	}
	if err := together(len(tokens), o.ask); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

func (o *Ordinary) ask(at int) error {
	response, err := o.http.Do(o.requests[at])
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // it was read to its end, or the error says why not
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("benchmark: the server answers %s: %.200s", response.Status, body)
	}
	return err
}

// Run keeps every connection busy for about d, and for one request at least.
func (o *Ordinary) Run(d time.Duration) (Window, error) {
	start := time.Now()
	end := start.Add(d)
	err := together(len(o.requests), func(at int) error {
		o.took[at] = o.took[at][:0]
		for begun := time.Now(); ; {
			if err := o.ask(at); err != nil {
				return err
			}
			done := time.Now()
			o.took[at] = append(o.took[at], done.Sub(begun))
			if begun = done; !done.Before(end) {
				return nil
			}
		}
	})
	return windowOf(time.Since(start), o.took), err
}

// Close closes all connections.
func (o *Ordinary) Close() { o.http.CloseIdleConnections() }

// together calls do for every number below n, all at once, and returns the errors.
func together(n int, do func(at int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for at := range n {
		all.Go(func() { errs[at] = do(at) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func windowOf(elapsed time.Duration, took [][]time.Duration) Window {
	var w Window
	for _, one := range took {
		w.Took = append(w.Took, one...)
	}
	w.Rate = float64(len(w.Took)) / elapsed.Seconds()
	return w
}
