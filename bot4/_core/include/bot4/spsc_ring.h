/* SPSC rings of 64-byte events, of 64-byte order intents and of 8-byte words; design and argument: spsc_template.h. */
#ifndef BOT4_SPSC_RING_H
#define BOT4_SPSC_RING_H

#include "bot4/atomics.h"
#include "bot4/types.h"

#define BOT4_RING_NAME bot4_spsc_event
#define BOT4_RING_RECORD bot4_event
#define BOT4_RING_IN BOT4_LINE_IN
#define BOT4_RING_OUT BOT4_LINE_OUT
#include "bot4/spsc_template.h"

#define BOT4_RING_NAME bot4_spsc_intent
#define BOT4_RING_RECORD bot4_order_intent
#define BOT4_RING_IN BOT4_LINE_IN
#define BOT4_RING_OUT BOT4_LINE_OUT
#include "bot4/spsc_template.h"

#define BOT4_RING_NAME bot4_spsc_word
#define BOT4_RING_RECORD uint64_t
#include "bot4/spsc_template.h"

#endif
