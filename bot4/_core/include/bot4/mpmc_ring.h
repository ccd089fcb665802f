/* MPMC rings of 64-byte events and of 8-byte words; the design and its argument are in mpmc_template.h. */
#ifndef BOT4_MPMC_RING_H
#define BOT4_MPMC_RING_H

#include "bot4/atomics.h"
#include "bot4/types.h"

#define BOT4_RING_NAME bot4_mpmc_event
#define BOT4_RING_RECORD bot4_event
#define BOT4_RING_IN BOT4_LINE_IN
#define BOT4_RING_OUT BOT4_LINE_OUT
#define BOT4_RING_RECORD_ALIGNED BOT4_ALIGNED
#include "bot4/mpmc_template.h"

#define BOT4_RING_NAME bot4_mpmc_word
#define BOT4_RING_RECORD uint64_t
#define BOT4_RING_RECORD_ALIGNED
#include "bot4/mpmc_template.h"

#endif
