package interop

import "embed"

// Files are the provider, and what it is installed from, for programs that start it too.
//
//go:embed provider.mjs package.json package-lock.json
var Files embed.FS
