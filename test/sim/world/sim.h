/* What every file of the simulation uses: choices, failing, and telling the history.
 *
 * A history is a function of its choices alone. They are drawn one after another from a generator, or read from a
 * list when a history is played again; every choice is a small number, and 0 is always the plainest: nothing goes
 * wrong, no delay. So a list that is cut short, or has zeros put in, is a simpler history, and shrinking needs to
 * know no more. There are several lists: one of the world, and one of each connection and whatever happens on it, so
 * that what is taken out of one does not change the meaning of another. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/base.h>
#include <weir/code.h>

/* A history that wants more gets zeros from there on: it comes to a quiet end. */
#define SIM_CHOICES_MAX 20000
#define SIM_LISTS       26 /* of the world, of 24 connections, of the client */

struct sim_list {
    uint32_t count;
    uint32_t choices[SIM_CHOICES_MAX];
};

/* Shared with the process that watches, so that what is in it outlives a crash. */
struct sim_record {
    uint64_t seed;
    char invariant[64];
    char text[512];
    struct sim_list lists[SIM_LISTS];
    struct sim_totals {
        uint64_t histories;
        uint64_t connections; /* of raw peers */
        uint64_t accepted;    /* of those */
        uint64_t judged;      /* of those: their peer got all that it was owed, to the last check */
        uint64_t exchanges;
        uint64_t by_code[WEIR_CODE_MAX]; /* endings */
        uint64_t by_delivery[8];
        uint64_t by_retry[4]; /* exchanges of clients */
    } totals;
};
extern struct sim_record *sim_record;
extern bool sim_tells; /* the history is printed */

/* The next history: drawn from a seed, or a list of choices played again. */
void sim_draw(uint64_t seed);
void sim_play(const struct sim_list lists[SIM_LISTS]);
/* From now on choices are of that list; returns the one before, for putting it back. */
unsigned sim_list(unsigned list);
/* One of 0 to n - 1. */
uint32_t sim_choose(uint32_t n);
/* 0 most of the time; else one of 1 to n - 1, one time in `one_in`. */
uint32_t sim_rarely(uint32_t one_in, uint32_t n);
/* True one time in so many. */
bool sim_is(uint32_t one_in);

/* An invariant does not hold: the process of the history ends. */
_Noreturn void sim_fail(const char *invariant, const char *format, ...) WEIR_PRINTF(2, 3);
void sim_tell(const char *who, const char *format, ...) WEIR_PRINTF(2, 3);
/* Arguments are not looked at when nobody listens. */
#define SIM_TELL(...)                                                                                                  \
    do {                                                                                                               \
        if (sim_tells)                                                                                                 \
            sim_tell(__VA_ARGS__);                                                                                     \
    } while (0)

#endif
