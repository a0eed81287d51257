// Package bindings asks: who may use a token that is bound to a key or a certificate? Its tests go through the exported API of package
// middleware alone.
package bindings
