package measure

import "net/http"

// Verified returns the tokens, of one letter each, that a case of verifying shows in batches of some sizes.
func Verified(tokens []string, batches ...int) (seen string) {
	c := verifying("", func(r *http.Request) (any, error) {
		seen += r.Header.Get("Authorization")[len("Bearer "):]
		return nil, nil
	}, tokens...)
	for _, n := range batches {
		c.Prepare(n)
		c.Run(n)
	}
	return seen
}
