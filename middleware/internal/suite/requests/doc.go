// Package requests asks: where may a request carry its token, and what does a client get for an answer? Its tests go through the exported
// API of package middleware alone.
package requests
