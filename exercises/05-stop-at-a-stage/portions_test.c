/* Ends with exit code 1 and the first mistake, or prints how many tests passed. */
#include <stdio.h>

#include "portions.h"

static int passed;

static int is(const char *what, long found, long wanted) {
    if (found != wanted) {
        fprintf(stderr, "%s: %ld is wanted, not %ld\n", what, wanted, found);
        return 0;
    }
    passed++;
    return 1;
}

int main(void) {
    if (!is("nobody comes", all(0, 250), 0) || !is("one guest", all(1, 250), 250) || !is("six guests", all(6, 250), 1500))
        return 1;
    printf("%d tests passed\n", passed);
    return 0;
}
