/* The other way to run a server: three threads with loops of their own, drained from a fourth. Played while calls fail:
 * either it does not start and says why, or it answers, and its drain ends it. */
#ifndef FAILING_WORKERS_H
#define FAILING_WORKERS_H

#include "scene.h"

void workers_play(const struct scene_plan *plan, struct scene_result *result);

#endif
