package introspection

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// plainHosts are those that may be asked without TLS, as host:port in lower case.
type plainHosts map[string]bool

func newPlainHosts(names []string, report func(error)) plainHosts {
	hosts := make(plainHosts, len(names))
	for _, name := range names {
		host, port, _ := net.SplitHostPort(name) // both empty if it is something else
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 || host == "" || strings.ContainsAny(host, "*?/") {
			report(fmt.Errorf("Config.DangerouslyAllowHTTP: %q is not host:port: name one host and its port exactly, as keycloak:8080", name))
			continue
		}
		hosts[lowerASCII(net.JoinHostPort(host, port))] = true
	}
	return hosts
}

// checkURL never repeats user information or a query, where people put secrets.
func (hosts plainHosts) checkURL(field, value string, query bool) error {
	if value == "" {
		return fmt.Errorf("%s is required", field)
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return fmt.Errorf("%s is no absolute URL: write it as https://host/path", field)
	}
	shown := u.Scheme + "://" + u.Host + u.EscapedPath()
	switch {
	case u.User != nil:
		return fmt.Errorf("%s %q holds user information: remove it and use ClientAuth", field, shown)
	case strings.Contains(value, "#"):
		return fmt.Errorf("%s %q has a fragment: remove it", field, shown)
	case !query && strings.Contains(value, "?"):
		return fmt.Errorf("%s %q has a query: remove it (RFC 8414 section 2)", field, shown)
	case !hosts.allow(u):
		return fmt.Errorf("%s %q is not https: use https; http is taken for 127.0.0.0/8, ::1 and localhost only, "+
			"and for the hosts of Config.DangerouslyAllowHTTP", field, shown)
	}
	return nil
}

// allow tells whether a request may be sent there.
func (hosts plainHosts) allow(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	named := hosts[lowerASCII(net.JoinHostPort(u.Hostname(), port))]
	return u.Scheme == "https" || u.Scheme == "http" && (named || isLoopback(u.Hostname()))
}

// isPlain tells whether a URL leaves this machine without TLS.
func isPlain(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && !isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	if lowerASCII(host) == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// lowerASCII leaves alone what is not ASCII. [strings.ToLower] and [strings.EqualFold] would let the Kelvin sign pass for a k, and the long
// s for an s.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
