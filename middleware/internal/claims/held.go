package claims

import "unsafe"

// Apart is how many bytes of these strings are not part of text: those that are spelt there with escapes, or come from elsewhere.
func Apart(text string, parts ...string) (size int) {
	for _, part := range parts {
		if !isPart(text, part) {
			size += len(part)
		}
	}
	return size
}

// Held is how many bytes lists hold on to beside text.
func Held(text string, lists ...[]string) (size int) {
	for _, list := range lists {
		size += len(list)*int(unsafe.Sizeof("")) + Apart(text, list...)
	}
	return size
}

// isPart compares addresses, since equal text may stand at two.
func isPart(text, part string) bool {
	begin, at := address(text), address(part)
	return at >= begin && at-begin < uintptr(len(text))
}

func address(s string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(s))) }
