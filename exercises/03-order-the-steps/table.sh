#!/bin/sh
# table.sh NAME: makes NAME.go of NAME.txt. With the real lists it takes minutes.
set -e
{
	echo "package main"
	echo "var $1 = map[string]int{"
	sed -n 's/^\([a-z]*\) \([0-9]*\)$/"\1": \2,/p' "$1.txt"
	echo "}"
} > "$1.go"
