// Command server tells over HTTP on port 8080 who signed it: / answers with the
// signature, /build with the build that this is.
package main

import (
	_ "embed"
	"fmt"
	"log"
	"net/http"
)

//go:embed signature.txt
var signature string

const stamp = "unstamped"

func main() {
	http.HandleFunc("/build", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "build %s\n", stamp) })
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "signed %s", signature) })
	log.Fatal(http.ListenAndServe(":8080", nil))
}
