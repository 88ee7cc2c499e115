/* /bytes/N: as many octets as asked for, without ever holding them.
 *
 * Without a seed they are lines of one fixed block, which is lent to the connection again and again. With one they are
 * the numbers that splitmix64 makes of the seed and the position, so that a test can know each octet and would see one
 * that is lost, doubled or out of place. */
#include <string.h>

#include "demo/demo.h"

#define BYTES_MAX  (UINT64_C(1) << 40)
#define BLOCK_SIZE 65536

static char block[BLOCK_SIZE];

void demo_bytes_init(void)
{
    static const char line[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.\n";
    for (size_t i = 0; i < BLOCK_SIZE; i++)
        block[i] = line[i % (sizeof(line) - 1)];
}

static uint64_t splitmix64(uint64_t state)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    state = (state ^ (state >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    state = (state ^ (state >> 27)) * UINT64_C(0x94d049bb133111eb);
    return state ^ (state >> 31);
}

/* Octet i is octet i % 8, lowest first, of splitmix64(seed + i / 8). `offset` is a multiple of 8. */
static void fill_seeded(char *place, size_t size, uint64_t seed, uint64_t offset)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = splitmix64(seed + (offset + i) / 8);
        for (size_t k = 0; k < 8 && i + k < size; k++)
            place[i + k] = (char)(word >> (8 * k));
    }
}

/* Writes at most 8 KiB; false when there is no room for it. */
static bool write_seeded(struct demo_task *task)
{
    char piece[8192];
    uint64_t left = task->total - task->offset;
    size_t size = left < sizeof(piece) ? (size_t)left : sizeof(piece);
    size_t within = (size_t)(task->offset % 8);
    if (size > sizeof(piece) - within)
        size = sizeof(piece) - within;
    fill_seeded(piece, within + size, task->seed, task->offset - within);
    size_t took = weir_write(task->x, (weir_str){piece + within, size});
    task->offset += took;
    return took == size;
}

/* Lends the rest of the block that the position is in; false when there is no room. */
static bool lend_block(struct demo_task *task)
{
    size_t within = (size_t)(task->offset % BLOCK_SIZE), size = BLOCK_SIZE - within;
    uint64_t left = task->total - task->offset;
    if (size > left)
        size = (size_t)left;
    size_t room = weir_write_room(task->x);
    if (size > room)
        size = room;
    if (size == 0 || weir_write_borrow(task->x, (weir_str){block + within, size}) != WEIR_OK)
        return false;
    task->offset += size;
    return true;
}

void demo_bytes_room(struct demo_task *task)
{
    if (!task->streams)
        return;
    while (task->offset < task->total)
        if (!(task->seeded ? write_seeded(task) : lend_block(task)))
            return;
    task->streams = false;
    (void)weir_finish(task->x, WEIR_NO_FIELDS);
}

void demo_bytes(struct demo *demo, weir_exchange *x, weir_str rest)
{
    uint64_t total, seed = 0;
    weir_str value;
    weir_fields fields = WEIR_FIELDS({WEIR_STR("content-type"), WEIR_STR("application/octet-stream")});
    (void)demo;
    if (!demo_number(rest, BYTES_MAX, &total)) {
        demo_answer_wrong(x, "/bytes/N, a number from 0 to 1099511627776 (2^40)");
        return;
    }
    bool seeded = demo_query(x, "seed", &value);
    if (seeded && !demo_number(value, UINT64_MAX, &seed)) {
        demo_answer_wrong(x, "seed=S, a whole number below 2^64");
        return;
    }
    bool chunked = demo_query(x, "chunked", &value);
    if (!chunked && !seeded && total <= BLOCK_SIZE) {
        (void)weir_respond(x, 200, fields, weir_body_borrow((weir_str){block, (size_t)total}));
        return;
    }
    struct demo_task *task = demo_task_new(x);
    if (task == NULL)
        return;
    task->total = total;
    task->seeded = seeded;
    task->seed = seed;
    if (demo_stream(task, fields, chunked ? weir_body_stream() : weir_body_sized(total)))
        demo_bytes_room(task);
}
