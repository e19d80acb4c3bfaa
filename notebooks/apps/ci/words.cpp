// The library: it rarely changes, and takes seconds to compile (regular expressions in C++ do).
#include "words.h"

#include <iterator>
#include <regex>

int count_words(const std::string &text)
{
    static const std::regex word("[[:alpha:]]+");
    return std::distance(std::sregex_iterator(text.begin(), text.end(), word), std::sregex_iterator());
}
