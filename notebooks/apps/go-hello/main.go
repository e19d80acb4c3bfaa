// Command app says hello, and then looks around: which of the tools that built
// it are still within reach? With the argument "serve" it says the same over
// HTTP on port 8080.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"runtime"
)

// Where the tools of a build, and those that an intruder would like, usually lie.
var tools = []struct{ name, path string }{
	{"Go compiler", "/usr/local/go/bin/go"},
	{"C compiler", "/usr/bin/gcc"},
	{"shell", "/bin/sh"},
	{"package manager", "/usr/bin/apt-get"},
	{"source code", "/app/main.go"},
}

func report(w io.Writer) {
	fmt.Fprintf(w, "Hello from a program compiled with %s!\n", runtime.Version())
	for _, tool := range tools {
		state := "not here"
		if _, err := os.Stat(tool.path); err == nil {
			state = "within reach at " + tool.path
		}
		fmt.Fprintf(w, "%-16s %s\n", tool.name, state)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { report(w) })
		log.Fatal(http.ListenAndServe(":8080", nil))
	}
	report(os.Stdout)
}
