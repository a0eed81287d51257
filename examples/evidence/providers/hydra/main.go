// Hydra is Ory Hydra, as its own main package has it.
package main

import "github.com/ory/hydra/v2/cmd"

func main() { cmd.Execute() }
