// Command prices prints the price of each thing that it is asked for, and which build
// it is.
package main

import (
	"fmt"
	"os"
)

const stamp = "unstamped"

func main() {
	for _, name := range os.Args[1:] {
		if price, known := prices[name]; known {
			fmt.Println(name, price)
		} else {
			fmt.Println("no price for", name)
		}
	}
	fmt.Println("build", stamp)
}
