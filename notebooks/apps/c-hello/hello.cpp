// The same in C++, whose library is one more thing that the program needs.
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

int main()
{
    const std::vector<std::pair<std::string, std::string>> tools = {
        {"C++ compiler", "/usr/bin/g++"},
        {"shell", "/bin/sh"},
        {"package manager", "/usr/bin/apt-get"},
        {"source code", "/app/hello.cpp"},
    };
    std::cout << "Hello from a C++ program compiled with GCC " << __VERSION__ << "!\n";
    for (const auto &[name, path] : tools)
        std::cout << std::left << std::setw(16) << name << ' '
                  << (std::filesystem::exists(path) ? "within reach at " + path : "not here") << '\n';
}
