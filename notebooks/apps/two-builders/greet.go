// Command greet says hello. It imports nothing: then a cold compiler has only Go's
// own runtime to compile, which takes seconds and not half a minute.
package main

func main() {
	println("Hello from a program that was compiled beside another.")
}
