// Command app says what it was compiled for. It imports Go's own runtime alone, which takes seconds to compile.
package main

import "runtime"

func main() {
	println("Hello from", runtime.GOOS+"/"+runtime.GOARCH)
}
