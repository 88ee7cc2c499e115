/* Three clients on a loop of ours, raw servers of every kind, requests of every kind, a drain, a free in the middle of
 * it, and the books: played while calls fail. As scene.h, on one thread. */
#ifndef FAILING_CLIENT_SCENE_H
#define FAILING_CLIENT_SCENE_H

#include "scene.h"

/* `folder` is where its unix socket and its file are. */
void client_scene_init(const char *folder, double patience);
void client_scene_play(const struct scene_plan *plan, struct scene_result *result);
void client_scene_fini(void);

#endif
