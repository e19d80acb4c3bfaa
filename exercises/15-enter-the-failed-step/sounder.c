/* sounder A B: adds two soundings, in metres, less what the sounder of this machine is off. */
#include <stdio.h>
#include <stdlib.h>
#include "config.h"

#define EDITION "unstamped"

static int off(void)
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    unsigned id = 0;

    if (file != NULL && fscanf(file, "%4x", &id) == 1)
        return id % 900 + 100;
    return -1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: sounder A B\n");
        return 2;
    }
    if (off() != OFFSET) {
        fprintf(stderr, "sounder: built with OFFSET=%d, which is not that of this machine\n", OFFSET);
        return 1;
    }
    printf("%d m, less %d mm\nedition %s\n", atoi(argv[1]) + atoi(argv[2]), 2 * OFFSET, EDITION);
    return 0;
}
