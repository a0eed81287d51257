// Package scenarios asks: does any sequence of requests, keys and clocks lead to another answer than a simple model gives? Its tests go
// through the exported API of package middleware alone.
package scenarios
