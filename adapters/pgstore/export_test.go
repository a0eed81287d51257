package pgstore

// Lock is the key of the advisory lock of whoever trims.
func Lock(s *Store) int64 { return s.sql.lock }

// SetPage says how many rows Follow reads at once.
func SetPage(s *Store, rows int) { s.maxPage = rows }
