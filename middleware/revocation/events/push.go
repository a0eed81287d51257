package events

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// language of the descriptions of errors.
const language = "en"

// ServeHTTP takes one security event token that is pushed (RFC 8935). It answers
//
//   - 202, without a body, once everything that the token ends is in the List: whether or not it had come before, whether or not its
//     events are about anybody whom tokens name, and even if Config.Entries makes entries of it that no List takes (Status.Invalid), as
//     sending it again would not mend them;
//   - 400 with a JSON object of err and description, if the token is no good: sending it again would not help;
//   - 401 likewise, unless the Authorization field has an agreed value;
//   - 405, 413 and 415 for another method, a longer body or another type than application/secevent+jwt;
//   - 503 if the transmitter should send it again: keys cannot be had, jwks.Config.Cooldown allows no look for an unknown one now, the List
//     is full or not shared, Config.Entries has failed, a function of Config has panicked, or too much waits for Config.Event.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if request.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	if !r.authorized(request) {
		scheme, _, _ := strings.Cut(r.cfg.Authorization[0], " ")
		w.Header().Set("WWW-Authenticate", scheme)
		r.report(request.Context(), &refusal{authenticationFailed, errAuthorization})
		answerWith(w, http.StatusUnauthorized, authenticationFailed)
		return
	}
	if media, _, _ := mime.ParseMediaType(request.Header.Get("Content-Type")); media != "application/secevent+jwt" {
		answerWith(w, http.StatusUnsupportedMediaType, invalidRequest)
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxSET)) // what breaks off is no good token
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		answerWith(w, http.StatusRequestEntityTooLarge, invalidRequest)
		return
	}
	err = r.receive(request.Context(), string(text))
	var refused *refusal
	switch {
	case err == nil:
		w.WriteHeader(http.StatusAccepted)
	case errors.As(err, &refused):
		answerWith(w, http.StatusBadRequest, refused.code)
	default:
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

var errAuthorization = errors.New("its Authorization field has not one of the agreed values")

// authorized compares in a time that does not depend on how much of the value is right.
func (r *Receiver) authorized(request *http.Request) bool {
	if len(r.authorization) == 0 {
		return true
	}
	values := request.Header.Values("Authorization")
	if len(values) != 1 {
		return false
	}
	got, equal := sha256.Sum256([]byte(values[0])), 0
	for i := range r.authorization {
		equal |= subtle.ConstantTimeCompare(got[:], r.authorization[i][:])
	}
	return equal == 1
}

// answerWith is an error of RFC 8935 section 2.3.
func answerWith(w http.ResponseWriter, status int, code errCode) {
	body, _ := json.Marshal(problemOf(code)) // strings only
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Language", language)
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever has gone needs no answer
}

// problem is how a transmitter is told of an error, in a response or in setErrs.
type problem struct {
	Err         errCode `json:"err"`
	Description string  `json:"description"`
}

func problemOf(code errCode) problem { return problem{code, descriptions[code]} }
