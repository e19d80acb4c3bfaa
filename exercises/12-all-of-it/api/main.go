// Command server answers over HTTP on port 8080: /api/add/2/3 with a sum, /api/build
// with the build that this is, and all else with the files of /app/web.
package main

import (
	"fmt"
	"log"
	"net/http"
	"strconv"
	"strings"

	"example.org/sums/total"
)

const stamp = "unstamped"

func add(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/add/"), "/")
	sum := 0
	for _, part := range parts {
		number, err := strconv.Atoi(part)
		if err != nil {
			http.Error(w, "not a number", http.StatusBadRequest)
			return
		}
		sum = total.Add(sum, number)
	}
	fmt.Fprintf(w, "%d\n", sum)
}

func main() {
	http.HandleFunc("/api/add/", add)
	http.HandleFunc("/api/build", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "build %s\n", stamp) })
	http.Handle("/", http.FileServer(http.Dir("/app/web")))
	log.Fatal(http.ListenAndServe(":8080", nil))
}
