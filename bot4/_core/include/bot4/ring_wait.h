/* Waiting for a record or for room, on each of the rings. */
#ifndef BOT4_RING_WAIT_H
#define BOT4_RING_WAIT_H

#include "bot4/mpmc_ring.h"
#include "bot4/spsc_ring.h"
#include "bot4/waiter.h"

#define BOT4_RING_NAME bot4_spsc_event
#define BOT4_RING_RECORD bot4_event
#include "bot4/ring_wait_template.h"

#define BOT4_RING_NAME bot4_spsc_intent
#define BOT4_RING_RECORD bot4_order_intent
#include "bot4/ring_wait_template.h"

#define BOT4_RING_NAME bot4_spsc_word
#define BOT4_RING_RECORD uint64_t
#include "bot4/ring_wait_template.h"

#define BOT4_RING_NAME bot4_mpmc_event
#define BOT4_RING_RECORD bot4_event
#include "bot4/ring_wait_template.h"

#define BOT4_RING_NAME bot4_mpmc_word
#define BOT4_RING_RECORD uint64_t
#include "bot4/ring_wait_template.h"

#endif
