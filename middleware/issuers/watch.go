package issuers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

const (
	defaultInterval = 10 * time.Second
	maxFileBytes    = 1 << 20
)

var (
	errNoFile      = errors.New("it is not a regular file")
	errFileTooLong = errors.New("the file is longer than 1 MiB")
	errWatchClosed = fmt.Errorf("issuers: the Running of this issuer is closed: %w", jwks.ErrUnavailable)
)

// watch is a KeySource that reads a file again and again. A file that cannot be used leaves the keys that were read before.
type watch struct {
	path   string
	parse  func([]byte) (*jwks.Set, error)
	logger *slog.Logger

	keys   atomic.Pointer[jwks.Set] // nil: closed
	digest [sha256.Size]byte        // of the content that keys are from
	wrong  string                   // what the log has been told last

	stop func()
	done chan struct{}
	once sync.Once
}

// watching makes a Running around a file, which has to be there and in order.
func watching(a *arguments, cfg FileConfig, i middleware.Issuer, parse func([]byte) (*jwks.Set, error)) (*Running, error) {
	a.filled("Issuer", cfg.Issuer)
	if cfg.Path == "" {
		a.wrong("Path is empty: is an environment variable missing?")
	}
	if cfg.Interval < 0 {
		a.wrong("Interval is %v: it must be positive, or zero for %v", cfg.Interval, defaultInterval)
	}
	if len(a.errs) > 0 {
		return nil, a.err()
	}
	w := &watch{path: cfg.Path, parse: parse, logger: cfg.Logger, done: make(chan struct{})}
	if _, err := w.read(); err != nil {
		a.wrong("Path %q: %w", cfg.Path, err)
		return nil, a.err()
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop = cancel
	go w.run(ctx, cmp.Or(cfg.Interval, defaultInterval))
	i.URL, i.Keys = cfg.Issuer, w
	return &Running{Issuer: i, closers: []func() error{w.close}}, nil
}

// VerificationKeys does no I/O.
func (w *watch) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	keys := w.keys.Load()
	if keys == nil {
		return nil, errWatchClosed
	}
	return keys.VerificationKeys(ctx, kid, alg)
}

func (w *watch) run(ctx context.Context, interval time.Duration) {
	defer close(w.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look(ctx)
		}
	}
}

// look reads the file and says what has come of it, once.
func (w *watch) look(ctx context.Context) {
	logger := cmp.Or(w.logger, slog.Default())
	changed, err := w.read()
	switch {
	case err != nil && err.Error() != w.wrong:
		w.wrong = err.Error()
		logger.LogAttrs(ctx, slog.LevelError, "issuers: a key file cannot be used, and the keys read before stay",
			slog.String("path", w.path), slog.String("error", w.wrong))
	case err == nil && (changed || w.wrong != ""):
		w.wrong = ""
		logger.LogAttrs(ctx, slog.LevelInfo, "issuers: a key file has been read", slog.String("path", w.path), slog.Bool("changed", changed))
	}
}

// read replaces the keys if the content has changed.
func (w *watch) read() (changed bool, err error) {
	info, err := os.Stat(w.path)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() { // to open a pipe could take for ever
		return false, errNoFile
	}
	file, err := os.Open(w.path)
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return false, err
	}
	if len(text) > maxFileBytes {
		return false, errFileTooLong
	}
	digest := sha256.Sum256(text)
	if digest == w.digest && w.keys.Load() != nil {
		return false, nil
	}
	keys, err := w.parse(text)
	if err != nil {
		return false, err
	}
	w.digest = digest
	w.keys.Store(keys)
	return true, nil
}

func (w *watch) close() error {
	w.once.Do(func() {
		w.stop()
		<-w.done
		w.keys.Store(nil)
	})
	return nil
}
