// The program: it changes every day.
#include "words.h"

#include <cstdio>

int main()
{
    const std::string text = "Hello from a program that was built in CI.";
    std::printf("%s (%d words)\n", text.c_str(), count_words(text));
}
