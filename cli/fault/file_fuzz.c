/* Invariant: for any octets as a plan file of `weir fault`: it is read to its end or refused with a status; every
 * connection gets a plan, the same each time; and the words of that plan, put into a plan file, are taken and make the
 * same plan under any seed. */
#include "fault/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONNECTIONS 6
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                     \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* By a path, as the program does; what it complains of is not shown. */
static int read_plans(struct fault_plans *plans, const void *octets, size_t size)
{
    static FILE *nowhere;
    char path[64];
    int fd = memfd_create("plan", 0);
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    MUST(nowhere != NULL && fd >= 0 && write(fd, octets, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    FILE *kept = stderr;
    stderr = nowhere;
    int status = fault_plans_read(plans, path, "fuzz");
    stderr = kept;
    (void)close(fd);
    return status;
}

static void check_plan(const struct fault_plans *plans, uint64_t connection)
{
    struct fault_plans again = {.seed = plans->seed + connection, .otherwise = fault_wish_default};
    struct fault_plan plan = fault_plan_draw(plans, connection), redrawn = fault_plan_draw(plans, connection);
    struct text words = text_growing(), row = text_growing(), other = text_growing();
    fault_plan_text(&words, &plan);
    fault_plan_text(&other, &redrawn);
    MUST(words.len == other.len && memcmp(words.ptr, other.ptr, words.len) == 0);
    text_free(&other);
    other = text_growing();
    text_printf(&row, "* %.*s\n", (int)words.len, words.ptr);
    MUST(read_plans(&again, row.ptr, row.len) == 0 && again.count == 1);
    redrawn = fault_plan_draw(&again, connection);
    fault_plan_text(&other, &redrawn);
    MUST(words.len == other.len && memcmp(words.ptr, other.ptr, words.len) == 0);
    fault_plans_free(&again);
    text_free(&words);
    text_free(&row);
    text_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault_plans plans = {.seed = size, .otherwise = fault_wish_default};
    int status = read_plans(&plans, data, size);
    MUST(status >= 0 && status <= 2);
    for (uint64_t connection = 1; connection <= CONNECTIONS && status == 0; connection++)
        check_plan(&plans, connection);
    fault_plans_free(&plans);
    return 0;
}
