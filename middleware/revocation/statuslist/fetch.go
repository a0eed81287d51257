package statuslist

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

const (
	fetchTimeout  = 5 * time.Second // of one list, to the last byte
	dialTimeout   = 3 * time.Second
	maxHeaderSize = 64 << 10
	maxRedirects  = 3

	mediaType = "application/statuslist+jwt"
)

// newClient keeps sending cookies out of reach of configuration.
func newClient(given *http.Client) *http.Client {
	client := &http.Client{}
	if given == nil {
		client.Transport = newTransport()
	} else {
		*client = *given
	}
	client.Jar = nil
	return client
}

// newTransport has no proxy: HTTP_PROXY of the environment must not be able to put itself between an API and the lists. It keeps no
// connections, as minutes lie between two fetches.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHeaderSize,
		DisableKeepAlives:      true,
	}
}

var (
	errRedirects = errors.New("it leads on and on: at most three redirects are followed")
	errAway      = errors.New("it leads to an address from which lists of this issuer do not come")
	errPanicked  = errors.New("the HTTPClient panicked")
)

// get fetches the text at uri (section 8.1). allow says where redirects may lead.
func get(ctx context.Context, client *http.Client, uri string, maxBytes int, allow func(uri string) bool) (text string, err error) {
	defer func() { // a transport is the caller's, and nobody else watches this goroutine
		if value := recover(); value != nil {
			err = fmt.Errorf("%w (%T)", errPanicked, value)
		}
	}()
	own := *client
	own.CheckRedirect = func(next *http.Request, before []*http.Request) error {
		switch {
		case len(before) > maxRedirects:
			return errRedirects
		case !allow(next.URL.String()):
			return errAway
		}
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return "", errors.New("the address is not usable")
	}
	request.Header.Set("Accept", mediaType)
	response, err := own.Do(request)
	if err != nil {
		return "", withoutURL(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return "", fmt.Errorf("it answered %d", response.StatusCode)
	}
	if given := response.Header.Get("Content-Type"); !isStatusList(given) {
		return "", fmt.Errorf("its Content-Type is %s, want %s", cause.Text(given), mediaType)
	}
	most := maxAnswer(maxBytes)
	body, err := io.ReadAll(io.LimitReader(response.Body, int64(most)+1))
	if err != nil {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > most {
		return "", fmt.Errorf("the answer is longer than %d bytes: raise Config.MaxBytes, or let the issuer split the list up", most)
	}
	return string(body), nil
}

func isStatusList(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == mediaType
}

// withoutURL drops the address that net/http puts into its errors: its query may hold a secret.
func withoutURL(err error) error {
	for wrapped := (*url.Error)(nil); errors.As(err, &wrapped); {
		err = wrapped.Err
	}
	return err
}
