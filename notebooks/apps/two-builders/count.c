/* count counts the prime numbers below a limit. */
#include <stdio.h>

#define LIMIT 20000000

static char composite[LIMIT];

int main(void)
{
	int primes = 0;
	for (long n = 2; n < LIMIT; n++) {
		if (composite[n])
			continue;
		primes++;
		for (long multiple = 2 * n; multiple < LIMIT; multiple += n)
			composite[multiple] = 1;
	}
	printf("Below %d there are %d prime numbers.\n", LIMIT, primes);
	return 0;
}
