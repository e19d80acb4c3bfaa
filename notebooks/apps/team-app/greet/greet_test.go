package greet

import "testing"

func TestLine(t *testing.T) {
	if got := Line("team"); got != "Hello, team!" {
		t.Fatal(got)
	}
}
