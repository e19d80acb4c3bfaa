// Package greet knows how to greet. It is a module of its own, so that the program has
// a dependency that needs no network.
package greet

import "fmt"

// Say greets somebody.
func Say(name string) string {
	return fmt.Sprintf("Hello, %s!", name)
}
