// Checks that say where and what failed, and the list of cases. Not here: the cases.

#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <system_error>

#define CHECK(condition) ((condition) ? void() : failed(__FILE__, __LINE__, #condition))

/// The expression throws an error that compares equal to this one.
#define CHECK_THROWS(expression, wanted)                                                                              \
    do {                                                                                                              \
        try {                                                                                                         \
            static_cast<void>(expression);                                                                            \
            failed(__FILE__, __LINE__, #expression " throws nothing");                                                \
        } catch (const std::system_error &error) {                                                                    \
            if (error.code() != (wanted))                                                                             \
                failed(__FILE__, __LINE__, #expression, error.what());                                                \
        }                                                                                                             \
    } while (false)

[[noreturn]] inline void failed(const char *file, int line, const char *what, const char *more = "")
{
    std::printf("%s:%d: %s %s\n", file, line, what, more);
    std::fflush(stdout);
    std::_Exit(1);
}

inline int passed_cases = 0;

template <class Case> void run(const char *name, Case body)
{
    try {
        body();
    } catch (const std::exception &error) {
        failed(name, 0, "throws", error.what());
    }
    std::printf("ok %s\n", name);
    passed_cases++;
}

#define RUN(name) run(#name, name)

#endif
