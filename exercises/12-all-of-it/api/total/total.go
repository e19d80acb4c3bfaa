// Package total adds numbers.
package total

func Add(a, b int) int { return a + b }
