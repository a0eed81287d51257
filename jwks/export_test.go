package jwks

// AlgorithmNames returns the algorithms that are offered.
func AlgorithmNames() (names []string) {
	for _, a := range algorithms {
		names = append(names, a.name)
	}
	return names
}
