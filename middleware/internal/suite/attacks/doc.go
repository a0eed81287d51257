// Package attacks asks: is what went wrong elsewhere impossible here, and is everything bounded that a caller can make large? Its tests
// go through the exported API of package middleware alone.
package attacks
