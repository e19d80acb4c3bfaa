// Command app greets the team.
package main

import (
	"os"

	"example.org/greet"
)

func main() {
	os.Stdout.WriteString(greet.Line("team") + "\n")
}
