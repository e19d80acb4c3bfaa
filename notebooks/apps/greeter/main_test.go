package main

import (
	"testing"

	"example.org/greet"
)

func TestGreeting(t *testing.T) {
	if said := greet.Say("world"); said != "Hello, world!" {
		t.Errorf("it said %q", said)
	}
}
