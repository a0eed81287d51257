package targeturi

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// IsPublicHost reports whether what follows the scheme of an origin is an address that clients can call: a name or an IP address, and a
// port that exists. Proofs are compared with it, so a slip of the pen would refuse them all.
func IsPublicHost(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	host := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return strings.Trim(host, hostCharacters) == "" // targeturi has refused an empty one
}

// IsLoopback reports whether host, with or without a port, is this machine, as jwks has it: 127.0.0.0/8, ::1 and localhost.
func IsLoopback(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	addr, _ := netip.ParseAddr(name) // the zero Addr, where name is not an address, is not a loopback address
	return name == "localhost" || addr.Unmap().IsLoopback()
}

// hostCharacters are those of names in the DNS, in small letters, and the underscore that some internal names have.
const hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-._"
