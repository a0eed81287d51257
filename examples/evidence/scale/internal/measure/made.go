package measure

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

const issuerName = "https://issuer.example.com"

// secret is the one of all lists here.
var secret = bytes.Repeat([]byte{1}, 32)

func newList(store revocation.Store, most int) (*revocation.List, error) {
	return revocation.New(revocation.Config{
		Store: store, Secrets: [][]byte{secret}, MaxEntries: most + 1024, Logger: slog.New(slog.NewTextHandler(quiet, nil)),
	})
}

// tokenEntry revokes token i.
func tokenEntry(i int) revocation.Entry {
	return revocation.Entry{Kind: revocation.Token, Issuer: issuerName, Value: "t" + strconv.Itoa(i), Until: time.Now().Add(time.Hour)}
}

// made is a Store that has so many entries, which it makes when they are read, and takes none.
type made struct {
	entries int
	sealing time.Duration // CPU that making them took
}

func newMade(entries int) *made { return &made{entries: entries} }

// Append keeps nothing.
func (m *made) Append(context.Context, []byte, time.Time) error { return nil }

// Follow delivers the entries, and then says once a second that there are no more.
func (m *made) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	began := time.Now()
	if after == "" {
		for first := 0; first < m.entries; first += chunk {
			sealing := cpu()
			records, err := sealed(ctx, first, min(chunk, m.entries-first))
			if err != nil {
				return err
			}
			m.sealing += cpu() - sealing
			for _, r := range records {
				if err := deliver(r, "all"); err != nil {
					return err
				}
			}
		}
	}
	for {
		alive(began)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
			began = time.Now()
		}
	}
}

// chunk is how many records are made at once.
const chunk = 1 << 14

// sealed makes the records of so many tokens, as a list makes them.
func sealed(ctx context.Context, first, n int) ([][]byte, error) {
	kept := &keeper{}
	list, err := newList(kept, n)
	if err != nil {
		return nil, err
	}
	for i := first; i < first+n; i++ {
		if err := list.Revoke(ctx, tokenEntry(i)); err != nil {
			return nil, err
		}
	}
	return kept.records, list.Close()
}

// keeper is a Store that keeps what is appended.
type keeper struct {
	mu      sync.Mutex
	records [][]byte
}

func (k *keeper) Append(_ context.Context, entry []byte, _ time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.records = append(k.records, bytes.Clone(entry))
	return nil
}

func (k *keeper) Follow(ctx context.Context, _ string, _ func([]byte, string) error, _ func(time.Time)) error {
	<-ctx.Done()
	return ctx.Err()
}
