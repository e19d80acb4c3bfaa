/* app: adds numbers, and says which release and which build it is. */
#include <stdio.h>
#include <stdlib.h>

#ifndef RELEASED
#define RELEASED __DATE__ " " __TIME__
#endif

static const char *stamp = "unstamped";

int main(int count, char **words) {
    long sum = 0;
    for (int i = 1; i < count; i++) {
        char *end;
        sum += strtol(words[i], &end, 10);
        if (*end) {
            printf("not a number: %s\n", words[i]);
            return 1;
        }
    }
    printf("sum %ld\nreleased %s, build %s\n", sum, RELEASED, stamp);
    return 0;
}
