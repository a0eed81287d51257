// Package tokens asks: which tokens are good at this moment, and when is one that was good asked about again? Its tests go through the
// exported API of package middleware alone.
package tokens
