/* The object pool over the word ring; the design and what it detects are in pool_template.h. */
#ifndef BOT4_OBJECT_POOL_H
#define BOT4_OBJECT_POOL_H

#include "bot4/mpmc_ring.h"

enum { BOT4_POOL_OK = 0, BOT4_POOL_EXHAUSTED = 1, BOT4_POOL_NOT_LIVE = 2, BOT4_POOL_FOREIGN = 3 };

#define BOT4_POOL_MAGAZINE 64   /* words a thread's cache holds at most */
#define BOT4_POOL_SLOT_BITS 24
#define BOT4_POOL_SLOT ((1ull << BOT4_POOL_SLOT_BITS) - 1)
#define BOT4_POOL_TAG (0xFFFFull << BOT4_POOL_SLOT_BITS)
#define BOT4_POOL_GENERATION (1ull << 40) /* one generation; its lowest bit is set while the slot is live */

#define BOT4_POOL_NAME bot4_pool
#define BOT4_POOL_RING bot4_mpmc_word
#include "bot4/pool_template.h"

#endif
