package middleware

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// publicURLs returns PublicURL and PublicURLs in compiled form; none where there are none.
func (c *compiler) publicURLs() []targeturi.URI {
	if c.cfg.PublicURL == "" {
		if len(c.cfg.PublicURLs) > 0 {
			c.wrong("PublicURLs is set without PublicURL: it lists further addresses of the same API")
		}
		return nil
	}
	var bases []targeturi.URI
	add := func(field, address string) {
		base, ok := c.publicURL(field, address)
		switch {
		case !ok:
		case slices.Contains(bases, base):
			c.wrong("%s %q is named twice", field, address)
		default:
			bases = append(bases, base)
		}
	}
	add("PublicURL", c.cfg.PublicURL)
	for i, address := range c.cfg.PublicURLs {
		add(fmt.Sprintf("PublicURLs[%d]", i), address)
	}
	return bases
}

func (c *compiler) publicURL(field, address string) (targeturi.URI, bool) {
	base, ok := targeturi.Parse(address)
	if !ok || strings.ContainsAny(address, "?#") || !isPublicHost(base.Origin()) {
		c.wrong("%s %q: it must be scheme and host as clients see them, such as https://api.example.com, with no query or fragment",
			field, withoutUser(address))
		return targeturi.URI{}, false
	}
	if host, plain := strings.CutPrefix(base.Origin(), "http://"); plain && c.cfg.FAPI2 && !isLoopback(host) {
		c.wrong("%s %q: FAPI2 wants https (FAPI 2.0 Security Profile section 5.2.1); http is accepted for 127.0.0.1, [::1] and localhost only",
			field, address)
	}
	return base, true
}

// withoutUser is an address for an error, in which a user name may be a secret as well. What is written there by mistake may be
// no URL at all, so it is not parsed.
func withoutUser(address string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
	scheme := address[:len(address)-len(rest)]
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return address
	}
	return scheme + "xxxxx" + rest[at:]
}

// isPublicHost reports whether what follows the scheme of an origin is an address that clients can call: a name or an IP address, and a
// port that exists. Proofs are compared with it, so a slip of the pen would refuse them all.
func isPublicHost(origin string) bool {
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
	return strings.Trim(host, hostCharacters) == "" // parseTarget has refused an empty one
}

// isLoopback reports whether host, with or without a port, is this machine, as jwks has it: 127.0.0.0/8, ::1 and localhost.
func isLoopback(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	addr, _ := netip.ParseAddr(name) // what is no address is the zero Addr, which is none of a loopback interface
	return name == "localhost" || addr.Unmap().IsLoopback()
}

// hostCharacters are those of names in the DNS, in small letters, and the underscore that some internal names have.
const hostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-._"
