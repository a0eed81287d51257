package pgstore

// Lock is the key of the advisory lock of whoever trims.
func Lock(s *Store) int64 { return s.sql.lock }
