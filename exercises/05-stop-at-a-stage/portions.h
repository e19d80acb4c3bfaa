/* All that the guests eat, in grams. */
long all(long guests, long grams);

/* Which edition of the program this is. */
const char *edition(void);
