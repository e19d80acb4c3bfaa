// Command greeter greets the world, and says as which user it runs.
package main

import (
	"fmt"
	"os"

	"example.org/greet"
)

func main() {
	fmt.Println(greet.Say("world"))
	fmt.Println("I am user", os.Getuid())
}
