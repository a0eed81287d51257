package redisstore

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// breaker spares those that ask a server which does not answer the time of finding out. It opens after some failures in a row, and then lets
// one call through at a time to find out whether that has changed.
type breaker struct {
	mu       sync.Mutex
	failures int
	retry    time.Time // when the next call may find out
}

const (
	opensAfter = 3
	retryAfter = 500 * time.Millisecond
)

var errOpen = errors.New("redisstore: the server failed just now, and is asked again twice a second")

// enter says whether to ask the server.
func (b *breaker) enter(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < opensAfter {
		return nil
	}
	if now.Before(b.retry) {
		return errOpen
	}
	b.retry = now.Add(retryAfter)
	return nil
}

// leave tells what came of it.
func (b *breaker) leave(now time.Time, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !failed {
		b.failures = 0
		return
	}
	if b.failures < opensAfter {
		b.failures++
		b.retry = now.Add(retryAfter)
	}
}

// fault says once a minute what is wrong.
type fault struct {
	mu   sync.Mutex
	said time.Time
}

const sayEvery = time.Minute

func (f *fault) say(ctx context.Context, logger *slog.Logger, now time.Time, level slog.Level, message string, err error) {
	f.mu.Lock()
	due := f.said.IsZero() || now.Sub(f.said) >= sayEvery
	if due {
		f.said = now
	}
	f.mu.Unlock()
	if !due {
		return
	}
	if logger == nil {
		logger = slog.Default()
	}
	logger.Log(ctx, level, message, "error", legible(err))
}

// legible is what of an error goes to the log: a server may have written it.
func legible(err error) string {
	text := []byte(err.Error())
	const most = 256
	if len(text) > most {
		text = text[:most]
	}
	for i, c := range text {
		if c < ' ' || c > '~' {
			text[i] = '?'
		}
	}
	return string(text)
}
