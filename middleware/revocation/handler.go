package revocation

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

// RevokeOwn is the logout that most services want: it revokes the token that it was called with, by its jti. It belongs behind a Guard:
//
//	mux.Handle("POST /logout", auth.Require().Handler(list.RevokeOwn()))
//
// The answer is 204, and from then on the token is refused; 202 if it is refused here from now on, and other instances are yet to be told
// (ErrNotShared), which a Store that is away says after a time-out of its own, some seconds. It is 422 for a token without jti, which cannot be told from its siblings;
// 405 unless the request is a POST; and 503 when the list is full.
func (l *List) RevokeOwn() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allow(w, r, http.MethodPost) {
			return
		}
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "There is no token to revoke.")
			return
		}
		if token.ID == "" {
			problem(w, http.StatusUnprocessableEntity, "This token has no identifier of its own (jti) to be revoked by.")
			return
		}
		e := ByToken(token)
		err := l.Revoke(r.Context(), e)
		if err != nil && !errors.Is(err, ErrNotShared) {
			l.failed(w, r, e, err)
			return
		}
		l.log().InfoContext(r.Context(), "revocation: a token was revoked by its bearer", append([]any{"issuer", e.Issuer}, l.sharedAttr(err)...)...)
		w.WriteHeader(statusOf(err))
	})
}

// Handler lets an administrator revoke (POST), lift (DELETE) and look (GET). It must be wrapped by a Guard that only administrators pass:
//
//	mux.Handle("/admin/revocations", auth.Require("revocations:write").Handler(list.Handler()))
//
// POST and DELETE take an entry as application/json, with the members kind, issuer, value, issued_before, until (RFC 3339) and note. They
// answer 204, 202 for a change that holds here and is yet to be shared, 400 with what is wrong, 404 where there is nothing to lift, and 503 when
// the list is full. The issuer is the one of Issuer.URL to the letter: the list does not know whom a Validator trusts, so an entry about an
// alias, or about a name with a slash too many, is taken and hits nothing. GET answers with the Status.
//
// Where Config.RevocationsWithin is set, a Store that is away for longer shuts this out as it does every route. To look and to log out all the
// same, set no limit in Config, but one on each of the other routes (Guard.RevocationsWithin).
func (l *List) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !allow(w, r, http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete):
		case r.Method == http.MethodPost:
			l.change(w, r, "revoked", l.Revoke)
		case r.Method == http.MethodDelete:
			l.change(w, r, "lifted", l.Lift)
		default:
			l.show(w)
		}
	})
}

// wireEntry is an Entry as the Handler reads it.
type wireEntry struct {
	Kind         Kind      `json:"kind"`
	Issuer       string    `json:"issuer"`
	Value        string    `json:"value"`
	IssuedBefore time.Time `json:"issued_before"`
	Until        time.Time `json:"until"`
	Note         string    `json:"note"`
}

const maxBody = 16 << 10

func (l *List) change(w http.ResponseWriter, r *http.Request, done string, change func(context.Context, Entry) error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		problem(w, http.StatusUnsupportedMediaType, "Send the entry as application/json.")
		return
	}
	var wire wireEntry
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&wire)
	if err == nil {
		if _, trailing := decoder.Token(); !errors.Is(trailing, io.EOF) {
			err = errors.New("there is more than one value")
		}
	}
	if err != nil {
		problem(w, http.StatusBadRequest, "The body is no entry: "+err.Error())
		return
	}
	e := Entry(wire)
	if err = change(r.Context(), e); err != nil && !errors.Is(err, ErrNotShared) {
		l.failed(w, r, e, err)
		return
	}
	l.log().InfoContext(r.Context(), "revocation: "+done+" by an administrator",
		append([]any{"kind", string(e.Kind), "issuer", cause.Plain(e.Issuer), "note", cause.Plain(e.Note)}, l.sharedAttr(err)...)...)
	w.WriteHeader(statusOf(err))
}

// sharedAttr says in a log line whether other instances know. Without a Store there are none that could.
func (l *List) sharedAttr(err error) []any {
	if l.shared == nil {
		return nil
	}
	return []any{"shared", err == nil}
}

// statusOf tells a change that holds everywhere from one that holds here and is on its way (RFC 9110 section 15.3.3).
func statusOf(err error) int {
	if err != nil {
		return http.StatusAccepted
	}
	return http.StatusNoContent
}

// failed answers for a change that was not made.
func (l *List) failed(w http.ResponseWriter, r *http.Request, e Entry, err error) {
	switch {
	case errors.Is(err, ErrNotListed):
		problem(w, http.StatusNotFound, err.Error())
	case errors.Is(err, ErrFull), errors.Is(err, ErrClosed), r.Context().Err() != nil:
		l.log().ErrorContext(r.Context(), "revocation: nothing was revoked", "kind", string(e.Kind), "issuer", cause.Plain(e.Issuer), "error", err.Error())
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusServiceUnavailable, "The token was not revoked; try again.")
	default:
		problem(w, http.StatusBadRequest, err.Error())
	}
}

func (l *List) show(w http.ResponseWriter) {
	writeJSON(w, http.StatusOK, "application/json", l.Status())
}

// allow answers 405 unless the method is one of those.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	for _, m := range methods {
		w.Header().Add("Allow", m)
	}
	problem(w, http.StatusMethodNotAllowed, "Use another method.")
	return false
}

// problem writes problem details (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, "application/problem+json", map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
}

func writeJSON(w http.ResponseWriter, status int, media string, v any) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
