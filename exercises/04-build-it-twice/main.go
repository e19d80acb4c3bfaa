// Command app adds two numbers and says which build it is.
package main

import (
	"fmt"
	"os"
	"strconv"
)

const stamp = "unstamped"

var released = "unknown"

func main() {
	sum := 0
	for _, word := range os.Args[1:] {
		number, err := strconv.Atoi(word)
		if err != nil {
			fmt.Println("not a number:", word)
			os.Exit(1)
		}
		sum += number
	}
	fmt.Println("sum", sum)
	fmt.Println("released", released, "build", stamp)
}
