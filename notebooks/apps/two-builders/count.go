// Command count counts the prime numbers below a limit. It imports nothing, for the
// same reason as greet.
package main

const limit = 100_000

func main() {
	composite := make([]bool, limit)
	primes := 0
	for n := 2; n < limit; n++ {
		if composite[n] {
			continue
		}
		primes++
		for multiple := 2 * n; multiple < limit; multiple += n {
			composite[multiple] = true
		}
	}
	println("Below", limit, "there are", primes, "prime numbers.")
}
