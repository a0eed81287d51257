package introspection

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrInactive is what Config.Ask returns, perhaps wrapped, when the server says that the token is not active.
var ErrInactive = errors.New("introspection: the token is not active")

var (
	errPlain     = &failure{reason: "Config.Ask sends no request without TLS: use https, or name the host in Config.DangerouslyAllowHTTP"}
	errLongReply = &failure{reason: "an answer to Config.Ask is larger than 64 KiB", blame: blameAnswer}
)

// askOtherwise asks by Config.Ask. Whatever that returns has been said about this token or by the server; which of the two is
// at fault when it fails, a question about our own token tells.
func (e *endpoint) askOtherwise(ctx context.Context, token string) (*Response, error) {
	client := *e.client // the function's own, to do with as it likes
	claims, err := e.otherwise(ctx, &client, token)
	switch {
	case errors.Is(err, ErrInactive):
		return inactive, nil
	case err != nil:
		return nil, askFailed(ctx, err, token)
	}
	return parse(claims, true)
}

// askFailed keeps the text of a function's error only if it does not tell the token: net/http puts the whole URL into its errors.
func askFailed(ctx context.Context, err error, token string) error {
	var known *failure
	switch {
	case ctx.Err() != nil:
		return endOf(ctx)
	case errors.As(err, &known):
		return known
	case errors.As(err, new(*url.Error)):
		return exchangeFailed(ctx, err)
	}
	f := &failure{reason: "Config.Ask failed", cause: err, blame: blameServer}
	if tells(err.Error(), token) {
		f.reason, f.cause = fmt.Sprintf("Config.Ask failed (%T)", err), nil
	}
	var hint interface{ RetryAfter() time.Duration }
	if errors.As(err, &hint) {
		f.retryAfter = min(max(0, hint.RetryAfter()), maxRetryAfter)
	}
	return f
}

// tells reports whether text holds a token, as it is or in one of the ways in which URLs, JSON and HTML spell characters that it may have.
func tells(text, token string) bool {
	decoded := percentDecoded(text)
	return strings.Contains(text, token) || strings.Contains(decoded, token) || strings.Contains(decoded, percentDecoded(token)) ||
		strings.Contains(html.UnescapeString(text), token) || strings.Contains(jsonEscapes.Replace(text), token)
}

// jsonEscapes are those of encoding/json for what a token may hold.
var jsonEscapes = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">")

// percentDecoded undoes what percent-encoding there is, and leaves other percent signs alone.
func percentDecoded(text string) string {
	var b strings.Builder
	for text != "" {
		if len(text) >= 3 && text[0] == '%' {
			if c, err := hex.DecodeString(text[1:3]); err == nil {
				b.Write(c)
				text = text[3:]
				continue
			}
		}
		b.WriteByte(text[0])
		text = text[1:]
	}
	return b.String()
}

// guarded is the transport of the client that Config.Ask gets. It sends nothing in clear, and cuts answers.
type guarded struct {
	next  http.RoundTripper
	plain plainHosts
}

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if !g.plain.allow(r.URL) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errPlain
	}
	response, err := g.next.RoundTrip(r)
	if err == nil {
		response.Body = &cutBody{ReadCloser: response.Body, left: maxAnswer}
	}
	return response, err
}

// cutBody fails behind the byte that was the last one allowed.
type cutBody struct {
	io.ReadCloser

	left int
}

func (b *cutBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if n > b.left {
		return b.left, errLongReply
	}
	b.left -= n
	return n, err
}
