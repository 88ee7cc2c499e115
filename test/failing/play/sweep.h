/* Plays a scene once for each call, errno and n-th time, until the n-th time is not reached any more; then with each
 * allocation failing in turn, alone and with all after it; then with many failures at once.
 *
 *     X_test FOLDER                        all; FAILING_LONG=1: with every moment of each, and more seeds
 *     X_test FOLDER send EPIPE 3 1         one scene: call, fault, the n-th time, how often
 *     X_test FOLDER memory 17              the 17th allocation; with one more word: and all after it
 *     X_test FOLDER descriptors 3          so many descriptors are left
 *
 * FAILING_PART=2/4: of all that there is to do, the second of four parts, by turns. FAILING_SHARE=0/3: the first
 * third of the moments of each call, by turns; 1/3 and 2/3 are the others. FAILING_SLOW=200: those that took so many
 * milliseconds are named. */
#ifndef FAILING_SWEEP_H
#define FAILING_SWEEP_H

#include "scene.h"

struct sweep {
    void (*play)(const struct scene_plan *plan, struct scene_result *result);
    /* Nobody may notice that this call failed so, once. */
    bool (*is_harmless)(const char *call, int fault);
    /* What a scene of this call needs besides; may be null. */
    void (*get_at)(struct scene_plan *plan, const char *call);
    /* More scenes of this call and fault; may be null. */
    void (*more)(int call, int fault);
    unsigned dense;           /* so many first moments are all taken */
    unsigned step;            /* of the later ones each so-many-th */
    unsigned seeds;           /* of memory that fails by chance */
    unsigned descriptors_max; /* so many are left at most when they are short; 0: they are not */
};

/* The exit status. */
int sweep_main(const struct sweep *sweep, int argc, char **argv);
/* For `more`. */
void sweep_play(const struct scene_plan *plan, const char *what, struct scene_result *result);
void sweep_name(char *what, size_t size, int call, int fault, unsigned at, unsigned times);
/* Is it one of these words, with blanks between? */
bool sweep_is_one_of(const char *name, const char *names);

#endif
