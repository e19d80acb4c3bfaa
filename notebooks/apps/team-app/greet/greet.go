// Package greet knows what to say.
package greet

// Line is the greeting for a name.
func Line(name string) string {
	return "Hello, " + name + "!"
}
