/* depth: says how many soundings there are, how deep the water is in all, and the least.
   The soundings, in whole metres, are the arguments; without any they are read from
   /data/soundings.txt, one a line, plain or compressed with gzip. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define EDITION "unstamped"

static int soundings[8];   /* nobody will ever take more */

static int from_file(const char *name)
{
    gzFile in = gzopen(name, "rb");
    char line[64];
    int count = 0;

    if (in == NULL) {
        fprintf(stderr, "depth: cannot read %s\n", name);
        exit(2);
    }
    while (gzgets(in, line, sizeof line) != NULL)
        soundings[count++] = atoi(line);
    gzclose(in);
    return count;
}

int main(int argc, char **argv)
{
    int count = argc - 1, sum = 0, least;

    for (int i = 0; i < count; i++)
        soundings[i] = atoi(argv[i + 1]);
    if (count == 0)
        count = from_file("/data/soundings.txt");
    least = soundings[0];
    for (int i = 0; i < count; i++) {
        sum += soundings[i];
        if (soundings[i] < least)
            least = soundings[i];
    }
    printf("%d soundings, %d m in all, least %d m\n", count, sum, least);
    printf("edition %s, zlib %s\n", EDITION, zlibVersion());
    return 0;
}
