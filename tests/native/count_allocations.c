/* Counts calls of the allocator and of mmap in the whole process; loaded by LD_PRELOAD. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
extern void *__libc_memalign(size_t, size_t);

static uint64_t allocations, frees, maps;

#define COUNT(counter) __atomic_fetch_add(&(counter), 1, __ATOMIC_RELAXED)

void *malloc(size_t n) { COUNT(allocations); return __libc_malloc(n); }
void *calloc(size_t n, size_t size) { COUNT(allocations); return __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { COUNT(allocations); return __libc_realloc(p, n); }
void *memalign(size_t align, size_t n) { COUNT(allocations); return __libc_memalign(align, n); }
void *aligned_alloc(size_t align, size_t n) { COUNT(allocations); return __libc_memalign(align, n); }
int posix_memalign(void **out, size_t align, size_t n) {
    COUNT(allocations);
    *out = __libc_memalign(align, n);
    return *out ? 0 : 12;
}
void free(void *p) { COUNT(frees); __libc_free(p); }
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset) {
    COUNT(maps);
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

void counted(uint64_t out[3]) {
    out[0] = __atomic_load_n(&allocations, __ATOMIC_RELAXED);
    out[1] = __atomic_load_n(&frees, __ATOMIC_RELAXED);
    out[2] = __atomic_load_n(&maps, __ATOMIC_RELAXED);
}
