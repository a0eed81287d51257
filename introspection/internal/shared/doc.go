// Package shared lets several instances of a service share what an introspection endpoint said, through a cache that nobody
// trusts: whoever reads it learns neither tokens nor claims, and whoever writes to it makes no token good.
package shared
