package events

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer bounds what a transmitter may answer: as many tokens as a poll asks for, each as long as they may be, and as much again.
	maxAnswer = 2 * maxSets * maxSET

	askWithin = 10 * time.Second // for an answer that comes at once
)

// newClient keeps redirects and cookies out, whatever is configured: a redirect would take the access token elsewhere.
func newClient(given *http.Client) *http.Client {
	client := &http.Client{Transport: &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	if given != nil {
		*client = *given
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// statusError is an answer with another status than was hoped for.
type statusError struct {
	status int
	after  time.Duration // how long the transmitter wants to be left alone; zero: it does not say
}

func (e *statusError) Error() string {
	return fmt.Sprintf("events: the transmitter answered with status %d", e.status)
}

// post sends body as JSON, with the receiver's access token.
func (r *Receiver) post(ctx context.Context, address string, body any) (*answer, error) {
	text, _ := json.Marshal(body) // strings, numbers and booleans only
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("events: the address of the transmitter is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Content-Language", language) // of the descriptions in setErrs (RFC 8936 section 2.6)
	if r.cfg.AccessToken != nil {
		token, err := r.cfg.AccessToken(ctx)
		if err != nil {
			return nil, fmt.Errorf("events: AccessToken: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return r.send(request)
}

// send makes no use of the text of errors of net/http, which can quote what a server has sent, and name addresses that hold secrets.
func (r *Receiver) send(request *http.Request) (*answer, error) {
	request.Header.Set("Accept", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, notAsked(request.Context(), err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, notAsked(request.Context(), err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("events: the transmitter's answer is longer than %d bytes", maxAnswer)
	}
	return &answer{response.StatusCode, response.Header, body}, nil
}

func notAsked(ctx context.Context, err error) error {
	var (
		operation   *net.OpError
		lookup      *net.DNSError
		certificate *tls.CertificateVerificationError
		inside      *url.Error
	)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("events: the transmitter did not answer: %w", ctx.Err())
	case errors.As(err, &certificate):
		err = certificate
	case errors.As(err, &operation):
		err = operation
	case errors.As(err, &lookup):
		err = lookup
	case errors.Is(err, context.DeadlineExceeded): // HTTPClient has a limit of its own
		return fmt.Errorf("events: the transmitter did not answer: %w", context.DeadlineExceeded)
	case errors.As(err, &inside):
		return fmt.Errorf("events: the transmitter could not be asked (%T)", inside.Err)
	default:
		return fmt.Errorf("events: the transmitter could not be asked (%T)", err)
	}
	return fmt.Errorf("events: the transmitter could not be asked: %w", err)
}

// refused is the error of an answer that is none of these; nil if it is one.
func (a *answer) refused(good ...int) error {
	if slices.Contains(good, a.status) {
		return nil
	}
	e := &statusError{status: a.status}
	if seconds, err := strconv.ParseUint(a.header.Get("Retry-After"), 10, 16); err == nil {
		e.after = time.Duration(seconds) * time.Second
	}
	return e
}

// object reads the members of a JSON object by their exact names.
func (a *answer) object() (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(a.body, &members) != nil || members == nil {
		return nil, errors.New("events: the transmitter's answer is not a JSON object")
	}
	return members, nil
}

// checkURL is the rule for everything that is asked.
func (cfg *Config) checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it is no URL")
	case u.Hostname() == "" || u.User != nil || strings.Contains(text, "#"):
		return errors.New("it must name a host, and have no user name and no fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (loopback(u.Hostname()) || cfg.allowsHTTP(u)):
		return nil
	default:
		return errors.New("it must begin with https://; http is for this machine itself, and for hosts that DangerouslyAllowHTTP names")
	}
}

func (cfg *Config) allowsHTTP(u *url.URL) bool {
	host := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80"))
	return slices.ContainsFunc(cfg.DangerouslyAllowHTTP, func(allowed string) bool { return strings.EqualFold(allowed, host) })
}

// isHost accepts what can be the host of a URL, with a port.
func isHost(text string) bool {
	u, err := url.Parse("http://" + text)
	if err != nil || u.Host != text || u.Hostname() == "" || strings.Contains(text, "*") {
		return false
	}
	_, err = strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && u.Port()[0] != '0'
}

// loopback does not resolve names.
func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
