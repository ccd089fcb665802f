/* The scanner without its vector paths, for the fuzz target to compare with. */
#define BOT4_PORTABLE 1
#include "bot4/scan.h"

int portable_scan_frame(bot4_scanner *scanner, const char *frame, size_t length, int64_t recv_ns, int default_instrument,
                        bot4_event *out, size_t capacity, size_t *count);

int portable_scan_frame(bot4_scanner *scanner, const char *frame, size_t length, int64_t recv_ns, int default_instrument,
                        bot4_event *out, size_t capacity, size_t *count) {
    return bot4_scan_frame(scanner, frame, length, recv_ns, default_instrument, out, capacity, count);
}
