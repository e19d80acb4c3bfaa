// Command app says what its compiler wrote into it: where the source file was.
package main

import "runtime"

func main() {
	_, file, _, _ := runtime.Caller(0)
	println("Compiled from", file)
}
