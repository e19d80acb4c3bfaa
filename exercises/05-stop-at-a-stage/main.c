/* portions GUESTS GRAMS: how much to cook. */
#include <stdio.h>
#include <stdlib.h>

#include "portions.h"

int main(int count, char **words) {
    if (count != 3) {
        fprintf(stderr, "portions GUESTS GRAMS\n");
        return 2;
    }
    long guests = atol(words[1]), grams = atol(words[2]);
    printf("%ld guests, %ld g each: %ld g, edition %s\n", guests, grams, all(guests, grams), edition());
    return 0;
}
