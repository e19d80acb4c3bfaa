// Command clock answers on port 8080: /noon/ZONE says what time it is in a time zone
// when it is noon in Greenwich, /who says which user it runs as, / which build it is.
// Where LOG names a file, each visit is noted there.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
)

const stamp = "unstamped"

func noon(w http.ResponseWriter, r *http.Request) {
	zone, err := time.LoadLocation(strings.TrimPrefix(r.URL.Path, "/noon/"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	at := time.Date(2024, time.January, 1, 12, 0, 0, 0, time.UTC).In(zone)
	fmt.Fprintf(w, "noon is %s\n", at.Format("15:04"))
}

func who(w http.ResponseWriter, _ *http.Request) {
	found, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "user %d, called %s\n", os.Getuid(), found.Username)
}

func main() {
	if name := os.Getenv("LOG"); name != "" {
		file, err := os.Create(name)
		if err != nil {
			log.Fatal(err)
		}
		log.SetOutput(file)
	}
	http.HandleFunc("/noon/", noon)
	http.HandleFunc("/who", who)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		log.Print(r.URL.Path)
		fmt.Fprintf(w, "A clock, build %s\n", stamp)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
