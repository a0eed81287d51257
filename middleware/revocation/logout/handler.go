package logout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/tally"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

const (
	maxBody = 64 << 10 // a form may have other parameters (section 2.5)

	// patience is how long the entries may take together. The server's call may end before.
	patience = 5 * time.Second
)

// What is wrong beside the logout token itself.
var (
	errForm     = errors.New("it is no form with one logout_token")
	errNotEnded = errors.New("the logout is not entered everywhere")
)

// ServeHTTP takes a logout token: one parameter logout_token of a POSTed form, beside which there may be others (section 2.5). The answer is
// 200 once the logout is entered, with a Store for every instance; 400 with an error for what is no good logout token (section 2.8); 405 for
// another method; and 503 with Retry-After while the issuer's keys cannot be had, for an unknown key while jwks.Config.Cooldown allows no
// look for it, and while the List is full or closed, or its Store has not taken the logout. Then this instance may refuse the tokens already,
// and the List goes on trying; a server that sends the logout token again gets 200 as soon as that has worked.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeError(w, http.StatusMethodNotAllowed, "invalid_request", "Use POST.")
		return
	}
	text, err := formToken(w, req)
	var said logout
	if err == nil {
		said, err = r.hear(req.Context(), text)
	}
	r.note(req.Context(), said.issuer, err)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusOK)
	case isOutage(err):
		w.Header().Set("Retry-After", "1")
		writeError(w, http.StatusServiceUnavailable, "temporarily_unavailable", describe(err))
	default:
		writeError(w, http.StatusBadRequest, "invalid_request", describe(err))
	}
}

// formToken returns the one logout_token of a form.
func formToken(w http.ResponseWriter, req *http.Request) (string, error) {
	if media, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return "", fmt.Errorf("%w: its type is another", errForm)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		return "", fmt.Errorf("%w: %w", errForm, err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "", fmt.Errorf("%w: it cannot be parsed", errForm)
	}
	if n := len(form["logout_token"]); n != 1 {
		return "", fmt.Errorf("%w: there are %d", errForm, n)
	}
	return form.Get("logout_token"), nil
}

// hear judges a logout token and enters what it says. The issuer of what it returns is proven only without an error.
func (r *Receiver) hear(ctx context.Context, text string) (said logout, _ error) {
	kind := issued.Kind{Types: types, Untyped: true, Accept: func(s *issued.Statement) (err error) {
		said, err = r.read(s, time.Now())
		return err
	}}
	if _, err := issued.Verify(ctx, r.validator, text, kind, ""); err != nil {
		return said, err
	}
	token := digestOf(said.issuer, said.id)
	if r.seen.has(token) {
		r.repeated.Add(1)
		return said, nil
	}
	ends := said.entries(r.cfg.WholeSubject)
	var kinds []string
	var errs []error
	for _, e := range ends { // each of them, as what could not be shared holds here
		kinds = append(kinds, string(e.Kind))
		errs = append(errs, r.enter(ctx, e, patience/time.Duration(len(ends))))
	}
	if err := errors.Join(errs...); err != nil {
		return said, fmt.Errorf("%w: %w", errNotEnded, err)
	}
	r.seen.add(token)
	r.log().InfoContext(ctx, "logout: a logout was entered", "issuer", said.issuer, "kinds", strings.Join(kinds, " "))
	return said, nil
}

// enter goes on without the server: if that hangs up, it has logged somebody out all the same.
func (r *Receiver) enter(ctx context.Context, e revocation.Entry, within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	return r.list.Revoke(ctx, e)
}

func isOutage(err error) bool {
	return errors.Is(err, issued.ErrUnavailable) || errors.Is(err, errNotEnded)
}

// note counts and logs how it went. issuer is empty where none was named that is trusted.
func (r *Receiver) note(ctx context.Context, issuer string, err error) {
	feed := r.knownFeed(issuer)
	if err == nil {
		if feed == nil {
			feed, _ = r.feed(issuer) // its name is too long for a Feed at worst
		}
		if feed != nil {
			feed.Heard()
		}
		return
	}
	outage := isOutage(err)
	switch {
	case outage && feed != nil:
		feed.Failed(err)
	case feed != nil:
		feed.Refused(err)
	}
	if !outage {
		r.refused.Add(1)
	}
	kind := tally.Kind{Reason: describe(err)}
	if feed != nil { // anybody can name other issuers
		kind.Issuer = issuer
	}
	write, before := r.tally.Write(kind, time.Now())
	switch {
	case !write:
	case errors.Is(err, errNotEnded):
		r.log().ErrorContext(ctx, "logout: a logout is not entered everywhere", "issuer", issuer, "error", err, "unwritten", before)
	case outage: // of what anybody may have sent
		r.log().ErrorContext(ctx, "logout: a logout token could not be verified", "issuer", issuer, "error", err, "verified", false, "unwritten", before)
	default:
		r.log().WarnContext(ctx, "logout: a call was refused", "issuer", issuer, "error", err, "verified", false, "unwritten", before)
	}
}

// describe is what the caller may read: fixed text for each reason.
func describe(err error) string {
	for _, known := range descriptions {
		if errors.Is(err, known.reason) {
			return known.text
		}
	}
	return "The logout token is no good."
}

var descriptions = []struct {
	reason error
	text   string
}{
	{errForm, "Send one logout_token as application/x-www-form-urlencoded."},
	{issued.ErrMalformed, "The logout token cannot be read."},
	{issued.ErrType, "The token is no logout token by its typ."},
	{issued.ErrIssuer, "The issuer is none whose logout tokens are taken."},
	{issued.ErrSignature, "The signature is none of the issuer's."},
	{errAudience, "The logout token is for another client."},
	{errTime, "The logout token has expired, is too old, or is dated ahead."},
	{errClaim, "The logout token lacks a claim, or has one that is no good."},
	{errNonce, "The logout token has a nonce."},
	{errNotEnded, "The logout could not be entered; send it again."},
	{issued.ErrUnavailable, "The issuer's keys cannot be had; send it again."},
}

func writeError(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": description}) // the caller may be gone
}
