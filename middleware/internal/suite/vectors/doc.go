// Package vectors asks: are the examples and attacks that others have published judged as they expect? Its tests go through the exported
// API of package middleware alone.
package vectors
