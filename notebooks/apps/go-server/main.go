// Command app answers every request on port 8080 with the greeting that lies
// beside it. The file is read again for each answer, so that a change shows.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		greeting, err := os.ReadFile("/app/greeting.txt")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "%s", greeting)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
