package claims

// indexTable maps names of claims to their indices. It is a small hash table, and its names are ours: every name of every
// token is looked up, few are found, and the cheapest hash that tells ordinary claims apart is enough. The zero indexTable is
// empty.
type indexTable struct {
	names   [slots]string
	indices [slots]uint8
}

// slots is a power of two, and more than twice the number of names that set is called for: maxClaims and the markers.
const slots = 256

func slotOf(name string) int {
	last := len(name) - 1
	return (int(name[0]) + int(name[last]) + 27*int(name[last/2]) + last) % slots
}

// get returns the index of a name, and false if it has none.
func (t *indexTable) get(name string) (index Index, ok bool) {
	if name == "" {
		return 0, false
	}
	for slot := slotOf(name); t.names[slot] != ""; slot = (slot + 1) % slots {
		if t.names[slot] == name {
			return Index(t.indices[slot]), true
		}
	}
	return 0, false
}

// set gives a name, which must not be empty, its index.
func (t *indexTable) set(name string, index Index) {
	slot := slotOf(name)
	for t.names[slot] != "" && t.names[slot] != name {
		slot = (slot + 1) % slots
	}
	t.names[slot], t.indices[slot] = name, uint8(index)
}
