// Package secrets asks: does anything that leaves a program show a token, a key or a password? Its tests go through the exported API of
// package middleware alone.
package secrets
