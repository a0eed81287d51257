package jwks

// Subgroup is a row of the table by which broken moduli are known.
type Subgroup struct{ Prime, Order uint64 }

// ROCASubgroups returns that table.
func ROCASubgroups() (rows []Subgroup) {
	for _, s := range rocaSubgroups {
		rows = append(rows, Subgroup{s.prime, s.order})
	}
	return rows
}
