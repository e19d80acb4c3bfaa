/* greet says hello. */
#include <stdio.h>

int main(void)
{
	puts("Hello from a program that was compiled beside another.");
	return 0;
}
