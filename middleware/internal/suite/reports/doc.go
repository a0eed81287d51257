// Package reports asks: what do handlers, logs and monitors learn of a decision? Its tests go through the exported API of package
// middleware alone.
package reports
