// Command greet says hello. It imports nothing: then there is only Go's own runtime
// to compile, which takes seconds and not half a minute.
package main

func main() {
	println("Hello from a program that was compiled beside another.")
}
