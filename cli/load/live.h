/* The live line of `weir load`, on standard error where that is a terminal. */
#ifndef CLI_LOAD_LIVE_H
#define CLI_LOAD_LIVE_H

#include "load/worker.h"

struct load_live {
    struct load_worker *workers;
    size_t count;
    pthread_t thread;
    bool runs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
};

void load_live_start(struct load_live *live, struct load_worker *workers, size_t count);
/* A sentence in the place of the line, which goes on below. */
void load_live_say(const char *sentence);
/* Clears the line. */
void load_live_stop(struct load_live *live);

#endif
