// Command demo stands in for the greeter in demonstrations.
package main

import "fmt"

func main() {
	fmt.Println("This is a demonstration. Nobody was greeted.")
}
