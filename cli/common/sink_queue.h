/* Lines on their way to a reader that may be slow: a buffer of 256 KiB, and the thread that writes what is in it. */
#ifndef CLI_COMMON_SINK_QUEUE_H
#define CLI_COMMON_SINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink_queue;

/* NULL when there is no memory or no thread. `fd` is kept, and stays the caller's. */
struct sink_queue *sink_queue_new(int fd);
/* A line with its newline, copied. False when there is no room; never waits for the reader. From any thread. */
bool sink_queue_put(struct sink_queue *queue, const char *line, size_t size);
/* Waits until all is written, or until nothing has been for a second. */
void sink_queue_flush(struct sink_queue *queue);
/* Ends the thread, also while it waits for the reader. Returns the lines that were not written, with the errno of the
 * first failure, or EAGAIN. */
uint64_t sink_queue_free(struct sink_queue *queue, int *os);

#endif
