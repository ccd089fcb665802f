/* Each ring type by one table of functions: for callers in no hurry who hold rings of any record (the Python faces). */
#ifndef BOT4_RING_OPS_H
#define BOT4_RING_OPS_H

#include "bot4/ring_wait.h"

typedef struct {
    size_t record_bytes;
    void *(*open)(size_t capacity); /* NULL: memory is out */
    void (*close)(void *ring);
    size_t (*push)(void *ring, const void *records, size_t n);
    size_t (*push_wait)(
        void *ring, const void *records, size_t n, bot4_waiter *room, bot4_waiter *readers, int64_t timeout_ns);
    size_t (*pop)(void *ring, void *records, size_t n);
    int (*wait)(void *ring, bot4_waiter *readers, int64_t timeout_ns);
    size_t (*size)(void *ring);
    uint64_t (*pushed)(void *ring);
    uint64_t (*popped)(void *ring);
    uint64_t (*rejected)(void *ring);
    uint64_t (*high_water)(void *ring);
} bot4_ring_ops;

#define BOT4_RING_NAME bot4_spsc_event
#define BOT4_RING_RECORD bot4_event
#include "bot4/ring_ops_template.h"

#define BOT4_RING_NAME bot4_spsc_intent
#define BOT4_RING_RECORD bot4_order_intent
#include "bot4/ring_ops_template.h"

#define BOT4_RING_NAME bot4_spsc_word
#define BOT4_RING_RECORD uint64_t
#include "bot4/ring_ops_template.h"

#define BOT4_RING_NAME bot4_mpmc_event
#define BOT4_RING_RECORD bot4_event
#include "bot4/ring_ops_template.h"

#define BOT4_RING_NAME bot4_mpmc_word
#define BOT4_RING_RECORD uint64_t
#include "bot4/ring_ops_template.h"

#endif
