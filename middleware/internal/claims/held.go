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

// isPart compares addresses, since equal text may stand at two. What stands before text is far behind it, as the difference wraps round.
func isPart(text, part string) bool { return address(part)-address(text) < uintptr(len(text)) }

func address(s string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(s))) }
