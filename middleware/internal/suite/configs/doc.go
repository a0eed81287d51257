// Package configs asks: which configurations does New refuse, and of what does it warn? Its tests go through the exported API of package
// middleware alone.
package configs
