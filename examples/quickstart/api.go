package main

import (
	"encoding/json"
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
)

// newAPI returns the routes. What is not wrapped in a Guard is public.
func newAPI(auth *middleware.Validator) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /public", public)
	mux.Handle("GET /me", auth.Require().HandlerFunc(me))
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))
	mux.Handle("POST /orders", auth.Require("orders:write").HandlerFunc(createOrder))
	return mux
}

func public(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"message": "everybody may read this"})
}

// me shows all that the token says.
func me(w http.ResponseWriter, r *http.Request) {
	claims, err := middleware.ClaimsFromContext[map[string]any](r.Context())
	if err != nil {
		middleware.WriteError(w, r, err)
		return
	}
	answer(w, http.StatusOK, claims)
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	answer(w, http.StatusOK, map[string]any{"orders of": token.Subject, "orders": []int{1, 2, 3}})
}

func createOrder(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	answer(w, http.StatusCreated, map[string]any{"order of": token.Subject, "order": 4})
}

// answer marks its answers as private: a shared cache must not give them to somebody else (RFC 9111 section 3.5).
func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "private, no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // an error means that the client has gone
}
