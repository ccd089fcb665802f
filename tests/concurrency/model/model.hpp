// Shared by the model programs: how each is searched, and the exit code the driver reads.
//
// The very headers of the core are included with BOT4_MODEL_RELACY, which maps their macros to relacy's types.
// Exit code 0: every execution explored was free of races, livelock and failed assertions. 1: a violation was found.
#ifndef BOT4_MODEL_HPP
#define BOT4_MODEL_HPP

#define BOT4_MODEL_RELACY 1
#include "bot4/atomics.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

// argv: random ITERATIONS | bound K | full
template <typename Suite>
int check(char const *name, int argc, char **argv) {
    rl::test_params params;
    // Streams stay the standard ones: relacy replaces operator new, a stream of ours would be freed by the wrong one.
    params.progress_output_period = 1000;
    params.execution_depth_limit = 4000;
    if (argc > 2 && std::strcmp(argv[1], "random") == 0) {
        params.search_type = rl::random_scheduler_type;
        params.iteration_count = std::atol(argv[2]);
    } else if (argc > 2 && std::strcmp(argv[1], "bound") == 0) {
        params.search_type = rl::fair_context_bound_scheduler_type;
        params.context_bound = std::atoi(argv[2]);
    } else if (argc > 1 && std::strcmp(argv[1], "full") == 0) {
        params.search_type = rl::fair_full_search_scheduler_type;
    } else {
        std::fprintf(stderr, "usage: %s random ITERATIONS | bound K | full\n", argv[0]);
        return 2;
    }
    bool const good = rl::simulate<Suite>(params);
    std::printf("\n%s %s executions=%llu result=%s\n", name, argv[1], (unsigned long long)params.stop_iteration,
                rl::test_result_str(params.test_result));
    return good ? 0 : 1;
}

#endif
