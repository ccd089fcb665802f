// The breaker's word under relacy: the very header of the core, every order of its atomic accesses.
//
// ACCEPTABLE  an order goes out before the kill took effect, or is refused
// FORBIDDEN   a readmit that succeeds although kill had returned before it began
// FORBIDDEN   more probes than the bound, a word that is not killed in the end
// With -DPLANT_SPLIT the sender acts a step after it looked, with -DPLANT_PROBE it takes a probe by a load and a store;
// both must be found.
#define BOT4_MODEL_RELACY 1
#include "bot4/breaker.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

struct breaker_suite : rl::test_suite<breaker_suite, 4> {
    breaker_word word;
    rl::atomic<int> kill_returned;
    rl::atomic<int> probes;

    void before() {
        word.store(BREAKER_GENERATION_ONE | (1ull << BREAKER_PROBE_SHIFT) | BREAKER_WORD_HALF_OPEN, rl::mo_relaxed, $);
        kill_returned.store(0, rl::mo_relaxed, $);
        probes.store(0, rl::mo_relaxed, $);
    }

    void send() {
#ifdef PLANT_PROBE
        uint64_t ticket = word.load(rl::mo_seq_cst, $);
        if ((ticket & BREAKER_KILLED) || breaker_probes_left(ticket) == 0) return;
        ticket -= BREAKER_PROBE_ONE;
        word.store(ticket, rl::mo_seq_cst, $);
#else
        uint64_t ticket = breaker_word_probe(&word);
        if (!ticket) return;
#endif
        if (breaker_state_of(ticket) == BREAKER_WORD_HALF_OPEN) probes.fetch_add(1, rl::mo_relaxed, $);
#ifdef PLANT_SPLIT
        int passes = breaker_word_readmit(&word, ticket, 0);
        int late = kill_returned.load(rl::mo_acquire, $);
#else
        int late = kill_returned.load(rl::mo_acquire, $);
        int passes = breaker_word_readmit(&word, ticket, 0);
#endif
        RL_ASSERT(!(passes && late));
        if (passes) breaker_word_succeed(&word, 1, 1);
    }

    void thread(unsigned index) {
        if (index < 2) {
            send();
        } else if (index == 2) {
            breaker_word_trip(&word, 5, 0);
        } else {
            breaker_word_kill(&word);
            kill_returned.store(1, rl::mo_release, $);
        }
    }

    void after() {
        RL_ASSERT(probes.load(rl::mo_relaxed, $) <= 1);
        RL_ASSERT(word.load(rl::mo_relaxed, $) & BREAKER_KILLED);
    }
};

int main(int argc, char **argv) {
    rl::test_params params;
    params.iteration_count = argc > 1 ? std::atol(argv[1]) : 20000;
    params.progress_output_period = 1000000;
    params.search_type = rl::random_scheduler_type;
    if (argc > 2) {
        params.search_type = rl::fair_context_bound_scheduler_type;
        params.context_bound = std::atoi(argv[2]);
    }
    bool good = rl::simulate<breaker_suite>(params);
    std::printf("\nexecutions=%llu result=%s\n", (unsigned long long)params.stop_iteration,
                rl::test_result_str(params.test_result));
    return good ? 0 : 1;
}
