//go:build unix

package pgtest

// WithoutDebian has find not look where Debian has the programs, until the function that it returns is called.
func WithoutDebian() (restore func()) {
	was := debian
	debian = "/nowhere/initdb"
	return func() { debian = was }
}

// Kept is where the files of a new cluster are kept.
func Kept(s *Server) string { return s.kept() }

// Files is where the files of the server are.
func Files(s *Server) string { return s.data() }

// Make makes a server with its files, and does not start it.
func Make() (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	s, err := newServer(bin, []string{"fsync=off"})
	if err != nil {
		return nil, err
	}
	return s, s.makeFiles()
}
