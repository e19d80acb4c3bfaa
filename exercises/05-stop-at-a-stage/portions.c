#include "portions.h"

long all(long guests, long grams) { return guests * grams; }

const char *edition(void) { return "unstamped"; }
