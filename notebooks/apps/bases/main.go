// Command app needs, one at a time, what a base image may bring or lack: named by its argument.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/user"
	"time"
)

var needs = map[string]func() (string, error){
	"start":        func() (string, error) { return "it runs", nil },
	"certificates": certificates,
	"time zones":   timeZones,
	"a user":       name,
	"/tmp":         temporary,
}

// Is an authority that the builder trusts trusted here too? Every HTTPS connection asks that.
func certificates() (string, error) {
	content, err := os.ReadFile("/app/authority.pem")
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(content)
	authority, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	_, err = authority.Verify(x509.VerifyOptions{})
	return "trusts " + authority.Subject.CommonName, err
}

func timeZones() (string, error) {
	zone, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		return "", err
	}
	return time.Unix(0, 0).In(zone).Format("at the epoch it was 15:04 MST"), nil
}

func name() (string, error) {
	found, err := user.Current()
	if err != nil {
		return "", err
	}
	return "runs as " + found.Username, nil
}

func temporary() (string, error) {
	file, err := os.CreateTemp("", "app")
	if err != nil {
		return "", err
	}
	return "wrote a temporary file", os.Remove(file.Name())
}

func main() {
	said, err := needs[os.Args[1]]()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(said)
}
