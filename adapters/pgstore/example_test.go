package pgstore_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cardea-auth/cardea/adapters/pgstore"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// Processes that share what one of them revokes, and the proofs that one of them has seen.
func Example() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://api@db.example.com/api?target_session_attrs=read-write")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	store, err := pgstore.New(pool, pgstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := store.Create(ctx); err != nil {
		fmt.Println(err)
		return
	}
	list, err := revocation.New(revocation.Config{
		Store:   store,
		Secrets: [][]byte{[]byte("bytes that all processes share, from where secrets are kept")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer list.Close()
	auth, err := middleware.New(middleware.Config{
		Issuers:     []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences:   []string{"https://api.example.com"},
		Revocations: []middleware.Revocations{list},
		DPoP:        middleware.DPoP{Replays: store},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
}
