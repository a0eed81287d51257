package middleware

// placeTable maps names of claims to places. It is a small hash table, and its names are ours: every name of every token is
// looked up, few are found, and the cheapest hash that tells ordinary claims apart is enough. The zero placeTable is empty.
type placeTable struct {
	names  [places]string
	placed [places]uint8
}

// places is a power of two, and more than twice the number of names that set is called for: maxClaims and the markers.
const places = 256

func placeOf(name string) int {
	last := len(name) - 1
	return (int(name[0]) + int(name[last]) + 27*int(name[last/2]) + last) % places
}

// get returns the place of a name, and false if it has none.
func (t *placeTable) get(name string) (place int, ok bool) {
	if name == "" {
		return 0, false
	}
	for slot := placeOf(name); t.names[slot] != ""; slot = (slot + 1) % places {
		if t.names[slot] == name {
			return int(t.placed[slot]), true
		}
	}
	return 0, false
}

// set gives a name, which must not be empty, its place.
func (t *placeTable) set(name string, place int) {
	slot := placeOf(name)
	for t.names[slot] != "" && t.names[slot] != name {
		slot = (slot + 1) % places
	}
	t.names[slot], t.placed[slot] = name, uint8(place)
}
