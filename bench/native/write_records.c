/* The floor of a journal append: write(2) of the same bytes to a file that is not synced. */
#include <stdint.h>
#include <time.h>
#include <unistd.h>

double write_records_ns(int fd, const void *record, int64_t length, int64_t count) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t i = 0; i < count; i++)
        if (write(fd, record, (size_t)length) != length) return -1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / (double)count;
}
