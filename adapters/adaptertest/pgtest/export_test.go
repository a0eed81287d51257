//go:build unix

package pgtest

// WithoutDebian has find not look where Debian has the programs, until the function that it returns is called.
func WithoutDebian() (restore func()) {
	was := debian
	debian = "/nowhere/initdb"
	return func() { debian = was }
}
