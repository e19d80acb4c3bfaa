/* depth A B: adds two soundings, in metres, and says which edition it is. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define EDITION "unstamped"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: depth A B\n");
        return 2;
    }
    printf("%d m in all\nedition %s, zlib %s\n", atoi(argv[1]) + atoi(argv[2]), EDITION, zlibVersion());
    return 0;
}
