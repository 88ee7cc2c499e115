/* One direction of a connection: what was read at one side and has not been written to the other, and the faults that
 * shape it.
 *
 * The stream is cut into pieces whose lengths and delays are drawn from a generator of the direction's own. They
 * depend on the seed, the connection's number and the offset in the stream; how the kernel cut the reads changes only
 * where a piece is written in parts because its rest has not come yet. An octet leaves when its piece's delay since
 * its arrival is over, the rate allows it, and all before it have left.
 *
 * A latency is no bound of the rate: what is on its way through a direction with a latency is held here, as a long
 * line holds it. Memory is bounded all the same: by FAULT_LINE_SIZE (FAULT_PIPE_SIZE without a latency), and for all
 * directions of the process by FAULT_HELD_MAX. A full pipe is not read into, so that the sender meets back-pressure
 * (the kernel's buffers come on top). */
#ifndef CLI_FAULT_PIPE_H
#define CLI_FAULT_PIPE_H

#include "fault/plan.h"
#include "fault/store.h"

#define FAULT_PIPE_SIZE 65536            /* without a latency */
#define FAULT_LINE_SIZE (64UL << 20)     /* with one */
#define FAULT_HELD_MAX  (UINT64_C(1) << 30) /* by all of them, but for a block of each */

enum fault_mode {
    FAULT_FORWARD,
    FAULT_DISCARD, /* read and thrown away */
    FAULT_HOLD     /* neither read nor written */
};

/* What came after the last octet. */
enum fault_end { FAULT_OPEN, FAULT_END_FIN, FAULT_END_RESET };

struct fault_pipe {
    const struct fault_plan *plan; /* of the connection, which outlives the pipe */
    struct fault_random random;
    bool shaped;
    enum fault_mode mode;
    uint64_t limit; /* offset at which the plan's fault acts: no octet beyond it is read before; UINT64_MAX: none */

    struct fault_store store;
    uint64_t size; /* octets that it may hold */
    uint64_t forwarded, discarded;

    uint64_t piece_end; /* offset */
    uint64_t piece_delay_ns;
    uint64_t left_ns; /* when the last octet was due: none overtakes */
    uint64_t rate_ns; /* when the rate allows the next octet */

    enum fault_end end;
    int end_os;         /* errno of a reset */
    uint64_t end_delay_ns;
    uint64_t end_at_ns; /* when the end is due on the other side */
    bool fin_sent;      /* to the receiver, by a fault or as the end that was read */
    bool done;          /* the end was passed on, or there is nobody to pass it to */
};

enum fault_step {
    FAULT_IDLE,    /* nothing to do until something arrives */
    FAULT_MOVED,   /* some octets moved: try again */
    FAULT_BLOCKED, /* the receiver takes no more */
    FAULT_EARLY,   /* not before `due` */
    FAULT_BROKEN   /* the receiver is gone; errno says how */
};

void fault_pipe_init(struct fault_pipe *pipe, const struct fault_plan *plan, enum fault_way way, uint64_t seed,
                     uint64_t connection);
/* Its plan is another one now; a count of octets begins with the next that is read, and no delay of the old plan holds
 * back what has come. `mode` is left alone, but for a drop. */
void fault_pipe_replan(struct fault_pipe *pipe, enum fault_way way, uint64_t now_ns);
/* Takes the memory for the first octets, before the first read. `account` is kept. False when there is none. */
bool fault_pipe_open(struct fault_pipe *pipe, struct fault_account *account);
void fault_pipe_fini(struct fault_pipe *pipe);

/* How many octets may be read now. */
size_t fault_pipe_room(const struct fault_pipe *pipe);
/* One read. FAULT_MOVED for octets or for the end, which is then in `end`; FAULT_IDLE. */
enum fault_step fault_pipe_read(struct fault_pipe *pipe, int fd, uint64_t now_ns);
/* One write, or one piece thrown away. `*due_ns` is set with FAULT_EARLY. */
enum fault_step fault_pipe_write(struct fault_pipe *pipe, int fd, uint64_t now_ns, uint64_t *due_ns);
/* An end that the sender did not write itself, such as its reset after its FIN. */
void fault_pipe_end(struct fault_pipe *pipe, enum fault_end end, int os, uint64_t now_ns);

bool fault_pipe_empty(const struct fault_pipe *pipe);

#endif
