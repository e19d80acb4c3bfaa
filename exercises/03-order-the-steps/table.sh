#!/bin/sh
# table.sh: makes table.go of prices.txt. It takes its time, as such things do.
set -e
sleep 1
{
	echo "package main"
	echo "var prices = map[string]int{"
	sed -n 's/^\([a-z]*\) \([0-9]*\)$/"\1": \2,/p' prices.txt
	echo "}"
} > table.go
