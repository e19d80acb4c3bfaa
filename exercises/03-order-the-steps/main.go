// Command prices prints the price of each thing that it is asked for and its tax in percent, and
// which build it is.
package main

import (
	"fmt"
	"os"
)

const stamp = "unstamped"

func main() {
	for _, name := range os.Args[1:] {
		if price, known := prices[name]; known {
			fmt.Println(name, price, "tax", rates[name])
		} else {
			fmt.Println("no price for", name)
		}
	}
	fmt.Println("build", stamp)
}
