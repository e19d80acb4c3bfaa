/* Says hello, and then looks around: which of the tools that built it are still
   within reach? */
#include <stdio.h>
#include <unistd.h>

/* Where each of them usually lies. */
static const struct { const char *name, *paths[3]; } tools[] = {
    {"C compiler", {"/usr/local/bin/gcc", "/usr/bin/gcc"}},
    {"C library", {"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6"}},
    {"shell", {"/bin/sh"}},
    {"package manager", {"/usr/bin/apt-get"}},
    {"source code", {"/app/hello.c"}},
};

int main(void)
{
    printf("Hello from a program compiled with GCC %s!\n", __VERSION__);
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        const char *const *path = tools[i].paths;
        while (*path && access(*path, F_OK) != 0)
            path++;
        printf("%-16s %s%s\n", tools[i].name, *path ? "within reach at " : "not here", *path ? *path : "");
    }
    return 0;
}
