/* Rescaled range of pieces of the last 100 returns, four columns at a time.
 *
 * The returns lie as ten columns of ten, padded to three vectors of four: row i holds the i-th return of each ten. Vectors are
 * the compiler's own (GCC, clang): on a machine without AVX they are computed in halves or singly, to the same bits.
 */
#ifndef BOT4_RESCALED_RANGE_H
#define BOT4_RESCALED_RANGE_H

#include <math.h>
#include <stdint.h>

typedef double bot4_four __attribute__((vector_size(32)));
typedef int64_t bot4_four_masks __attribute__((vector_size(32)));

#define BOT4_VECTORS 3

typedef struct {
    bot4_four sums[10][BOT4_VECTORS]; /* running sums within each ten */
    bot4_four total[BOT4_VECTORS];    /* of each ten */
    bot4_four spread[BOT4_VECTORS];   /* of each ten: squares of differences from its mean */
} bot4_tens;

static inline bot4_four bot4_larger(bot4_four a, bot4_four b) {
    bot4_four_masks is = (bot4_four_masks)(a > b);
    return (bot4_four)(((bot4_four_masks)a & is) | ((bot4_four_masks)b & ~is));
}

static inline bot4_four bot4_smaller(bot4_four a, bot4_four b) {
    bot4_four_masks is = (bot4_four_masks)(a < b);
    return (bot4_four)(((bot4_four_masks)a & is) | ((bot4_four_masks)b & ~is));
}

static inline void bot4_tens_load(bot4_tens *t, const double *r) {
    bot4_four row[10][BOT4_VECTORS];
    for (int i = 0; i < 10; i++) {
        row[i][0] = (bot4_four){r[i], r[10 + i], r[20 + i], r[30 + i]};
        row[i][1] = (bot4_four){r[40 + i], r[50 + i], r[60 + i], r[70 + i]};
        row[i][2] = (bot4_four){r[80 + i], r[90 + i], 0.0, 0.0};
    }
    for (int v = 0; v < BOT4_VECTORS; v++) {
        bot4_four total = {0.0, 0.0, 0.0, 0.0}, spread = total, mean;
        for (int i = 0; i < 10; i++) {
            total += row[i][v];
            t->sums[i][v] = total;
        }
        mean = total * 0.1;
        for (int i = 0; i < 10; i++) spread += (row[i][v] - mean) * (row[i][v] - mean);
        t->total[v] = total;
        t->spread[v] = spread;
    }
}

/* Mean of range over deviation of the pieces of `blocks` tens; -1 where no piece varies by more than `flat` of its mean square. */
static inline double bot4_rescaled_range(const bot4_tens *t, int blocks, double flat) {
    bot4_four means[BOT4_VECTORS], highs[BOT4_VECTORS], lows[BOT4_VECTORS];
    double *mean = (double *)means;
    const double *high = (const double *)highs, *low = (const double *)lows;
    const double *totals = (const double *)t->total, *spreads = (const double *)t->spread;
    double size = 10.0 * blocks, ratios = 0.0;
    int pieces = 0;
    mean[10] = mean[11] = 0.0;
    for (int piece = 0; piece < 10; piece += blocks) {
        double total = 0.0;
        for (int b = piece; b < piece + blocks; b++) total += totals[b];
        for (int b = piece; b < piece + blocks; b++) mean[b] = total / size;
    }
    for (int v = 0; v < BOT4_VECTORS; v++) {
        bot4_four top = t->sums[0][v] - means[v], bottom = top;
        for (int i = 1; i < 10; i++) {
            bot4_four place = t->sums[i][v] - means[v] * (double)(i + 1);
            top = bot4_larger(place, top);
            bottom = bot4_smaller(place, bottom);
        }
        highs[v] = top;
        lows[v] = bottom;
    }
    for (int piece = 0; piece < 10; piece += blocks) {
        double offset = 0.0, variance = 0.0, top = -1e300, bottom = 1e300;
        for (int b = piece; b < piece + blocks; b++) {
            double apart = 0.1 * totals[b] - mean[b];
            top = offset + high[b] > top ? offset + high[b] : top;
            bottom = offset + low[b] < bottom ? offset + low[b] : bottom;
            offset += totals[b] - 10.0 * mean[b];
            variance += spreads[b] + 10.0 * apart * apart;
        }
        variance /= size;
        if (variance > flat * (variance + mean[piece] * mean[piece])) {
            ratios += (top - bottom) / sqrt(variance);
            pieces++;
        }
    }
    return pieces ? ratios / pieces : -1.0;
}

#endif
