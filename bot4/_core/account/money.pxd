"""Exact arithmetic on 128-bit money (see include/bot4/money.h): use these wherever full width or a rounding matters."""

from libc.stdint cimport int64_t, uint64_t

from bot4._core.types cimport money_t


cdef extern from "bot4/money.h" nogil:
    money_t money_add "bot4_money_add"(money_t a, money_t b) noexcept
    money_t money_sub "bot4_money_sub"(money_t a, money_t b) noexcept
    money_t money_mul "bot4_money_mul"(money_t a, int64_t b) noexcept
    bint money_mul_fits "bot4_money_mul_fits"(money_t a, int64_t b) noexcept
    bint money_fits_64 "bot4_money_fits_64"(money_t a) noexcept
    int64_t money_clamp_64 "bot4_money_clamp_64"(money_t a) noexcept
    money_t money_abs "bot4_money_abs"(money_t a) noexcept
    money_t money_min "bot4_money_min"(money_t a, money_t b) noexcept
    money_t money_div_half_even "bot4_money_div_half_even"(money_t numerator, money_t denominator) noexcept
    money_t money_share "bot4_money_share"(money_t total, int64_t part, int64_t whole) noexcept
    money_t money_rate_up "bot4_money_rate_up"(money_t amount, int64_t rate_e8) noexcept
    uint64_t money_hash "bot4_money_hash"(uint64_t hash, money_t amount) noexcept
