package revocation_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// A list that one process keeps: a logout, and an administrator who throws somebody out.
func Example() {
	list, err := revocation.New(revocation.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer list.Close()
	auth, err := middleware.New(middleware.Config{
		Issuers:     []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences:   []string{"https://api.example.com"},
		Revocations: []middleware.Revocations{list},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()

	mux := http.NewServeMux()
	mux.Handle("POST /logout", auth.Require().Handler(list.RevokeOwn()))
	mux.Handle("/admin/revocations", auth.Require("revocations:write").Handler(list.Handler()))

	err = list.Revoke(context.Background(), revocation.Entry{Kind: revocation.Subject, Issuer: "https://login.example.com", Value: "mallory"})
	fmt.Println(err, list.Judge(middleware.TokenFacts{Issuer: "https://login.example.com", Subject: "mallory", IssuedAt: time.Now()}).Kind)
	// Output: <nil> subject
}
