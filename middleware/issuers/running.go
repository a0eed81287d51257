package issuers

import (
	"errors"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// Running is an Issuer that has something of its own: connections, keys, a file that is watched.
type Running struct {
	_ [0]func() // keyed literals only

	// Issuer is for Config.Issuers of one Validator or several. It must not be used after Close.
	Issuer middleware.Issuer

	closers []func() error
}

// Close ends what the Issuer has running, after the Validators that use it. It may be called again, and closing a Running with nothing to
// close, or a nil one, does nothing.
func (r *Running) Close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, end := range r.closers {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// introspecting makes a client for the Issuer to ask, if there were no mistakes.
func (a *arguments) introspecting(i middleware.Issuer, cfg introspection.Config) (*Running, error) {
	if len(a.errs) > 0 {
		return nil, a.err()
	}
	client, err := introspection.New(cfg)
	if err != nil {
		a.wrong("%w", err)
		return nil, a.err()
	}
	i.Introspector = client
	return &Running{Issuer: i, closers: []func() error{client.Close}}, nil
}
