package requests_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

func TestProblemDocument(t *testing.T) {
	const types = "https://pkg.go.dev/github.com/cardea-auth/cardea/middleware#"
	for _, row := range []struct {
		name string
		err  *middleware.Error
		want map[string]any
	}{
		{"no credentials", &middleware.Error{Reason: middleware.ReasonNoToken, Scopes: middleware.SetOf("b", "a")},
			map[string]any{"type": "about:blank", "title": "Unauthorized", "status": 401.0, "detail": "This resource requires an access token.", "scope": "a b"}},
		{"invalid_request", &middleware.Error{Code: middleware.InvalidRequest, Scopes: middleware.SetOf("a")},
			map[string]any{"type": types + "InvalidRequest", "title": "Bad Request", "status": 400.0, "error": "invalid_request",
				"detail": "The request must carry one well-formed access token."}},
		{"invalid_token", &middleware.Error{Code: middleware.InvalidToken, Reason: middleware.ReasonAudience, Err: errors.New("aud is secret")},
			map[string]any{"type": types + "InvalidToken", "title": "Unauthorized", "status": 401.0, "error": "invalid_token",
				"detail": "The access token is malformed, expired, revoked or not meant for this API."}},
		{"insufficient_scope", &middleware.Error{Code: middleware.InsufficientScope, Scopes: middleware.SetOf("a")},
			map[string]any{"type": types + "InsufficientScope", "title": "Forbidden", "status": 403.0, "error": "insufficient_scope", "scope": "a",
				"detail": "The access token does not allow this request."}},
		{"insufficient_user_authentication", &middleware.Error{Code: middleware.InsufficientUserAuthentication},
			map[string]any{"type": types + "InsufficientUserAuthentication", "title": "Unauthorized", "status": 401.0,
				"error": "insufficient_user_authentication", "detail": "A different or more recent authentication is required."}},
		{"another origin", &middleware.Error{Reason: middleware.ReasonCrossOrigin},
			map[string]any{"type": "about:blank", "title": "Forbidden", "status": 403.0, "detail": "The request is not allowed."}},
		{"an outage", &middleware.Error{Reason: middleware.ReasonKeysUnavailable, Err: errors.New("dial tcp 10.0.0.7: refused")},
			map[string]any{"type": "about:blank", "title": "Service Unavailable", "status": 503.0, "detail": "The access token cannot be judged at the moment."}},
		{"our own fault", &middleware.Error{Err: errors.New("secret")},
			map[string]any{"type": "about:blank", "title": "Internal Server Error", "status": 500.0, "detail": "The request could not be judged."}},
		{"a nil *Error", nil,
			map[string]any{"type": "about:blank", "title": "Internal Server Error", "status": 500.0, "detail": "The request could not be judged."}},
		{"a rule's own code and text, which end no string", &middleware.Error{Code: "own\"}", Description: "<b>\"\r\n"},
			map[string]any{"type": "about:blank", "title": "Forbidden", "status": 403.0, "error": "own\"}", "detail": "<b>\"\r\n"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			text, err := row.err.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("got  %v\nwant %v", got, row.want)
			}
		})
	}
}

func TestWriteErrorOfAnyError(t *testing.T) {
	own := &middleware.Error{Code: middleware.InsufficientScope}
	for _, row := range []struct {
		name   string
		err    error
		status int
	}{
		{"an *Error", own, 403},
		{"a wrapped *Error", fmt.Errorf("handler: %w", own), 403},
		{"one *Error among several", errors.Join(errors.New("a"), own), 403},
		{"another error", errors.New("secret"), 500},
		{"ErrUnavailable itself", middleware.ErrUnavailable, 503},
		{"nil", nil, 500},
		{"a nil *Error", (*middleware.Error)(nil), 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			middleware.WriteError(w, kit.Request("GET", nil), row.err)
			if w.Code != row.status {
				t.Errorf("got %d, want %d", w.Code, row.status)
			}
			var p struct{ Status int }
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code {
				t.Errorf("the document says %d, the status is %d (%v)", p.Status, w.Code, err)
			}
		})
	}
}

func TestWriteErrorReplacesWhatWasSaidOfAnotherBody(t *testing.T) {
	w := httptest.NewRecorder()
	for name, value := range map[string]string{
		"Content-Type": "text/html", "Content-Length": "12345", "Cache-Control": "public, max-age=60",
		"Www-Authenticate": `Basic realm="old"`, "Access-Control-Allow-Origin": "https://app.example",
	} {
		w.Header().Set(name, value)
	}
	middleware.WriteError(w, nil, &middleware.Error{Reason: middleware.ReasonNoToken})
	for name, want := range map[string]string{
		"Content-Type": "application/problem+json", "Content-Length": "", "Cache-Control": "no-store",
		"Www-Authenticate": kit.NoTokenChallenge, "Access-Control-Allow-Origin": "https://app.example",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if w.Body.String() != noTokenBody {
		t.Errorf("body is %s", w.Body)
	}
}
