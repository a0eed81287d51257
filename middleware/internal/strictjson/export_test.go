package strictjson

// NamesCost is what it has cost to note the names that were open when the reading of a document came to its end.
type NamesCost struct {
	Names       int
	Slots       int // that were looked at, for all names together
	Comparisons int // of names with the same hash
}

// CostOfNames reads document as Parse does and counts afterwards, from where the names have come to lie. Those of an object that
// was closed before the end are not among them, so a document without its closing brackets tells most.
func CostOfNames(document string) (cost NamesCost, err error) {
	s := scanner{document: document, names: names{secrets: newSecrets()}}
	_, err = s.parse()
	cost.Names = s.names.count
	stack, slots := s.names.tables()
	met := make(map[uint64]int)
	for i, n := range stack[:s.names.count] {
		cost.Slots++
		for slot := slots.start(n.hash); slots[slot] != uint32(i+1); slot = slots.next(slot) {
			cost.Slots++
		}
		cost.Comparisons += met[n.hash]
		met[n.hash]++
	}
	return cost, err
}
