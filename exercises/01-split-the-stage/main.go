// Command server greets over HTTP on port 8080: /hello/NAME answers with a greeting
// for that name, / says which build this is.
package main

import (
	"fmt"
	"log"
	"net/http"
	"strings"
)

const stamp = "unstamped"

func main() {
	http.HandleFunc("/hello/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!\n", strings.TrimPrefix(r.URL.Path, "/hello/"))
	})
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "A greeter, build %s\n", stamp)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
