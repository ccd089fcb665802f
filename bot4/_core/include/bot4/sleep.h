/* Sleep for so many nanoseconds; a signal ends it early. */
#ifndef BOT4_SLEEP_H
#define BOT4_SLEEP_H

#include <stdint.h>
#include <time.h>

static inline void bot4_sleep_ns(int64_t ns) {
    struct timespec span = {ns / 1000000000, ns % 1000000000};
    nanosleep(&span, 0);
}

#endif
