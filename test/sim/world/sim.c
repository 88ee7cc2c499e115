#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

struct sim_record *sim_record;
bool sim_tells;

static uint64_t generators[SIM_LISTS];
static const struct sim_list *played; /* null: drawn */
static unsigned current;

/* splitmix64. */
static uint64_t next_random(void)
{
    uint64_t z = generators[current] += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void begin(const struct sim_list *lists)
{
    played = lists;
    current = 0;
    for (unsigned i = 0; i < SIM_LISTS; i++)
        sim_record->lists[i].count = 0;
    sim_record->invariant[0] = '\0';
    sim_record->text[0] = '\0';
}

void sim_draw(uint64_t seed)
{
    begin(NULL);
    sim_record->seed = seed;
    generators[0] = seed;
    for (unsigned i = 1; i < SIM_LISTS; i++) {
        uint64_t first = next_random();
        generators[i] = first * UINT64_C(0xd1342543de82ef95) + i;
    }
}

void sim_play(const struct sim_list lists[SIM_LISTS])
{
    begin(lists);
}

unsigned sim_list(unsigned list)
{
    unsigned before = current;
    current = list < SIM_LISTS ? list : 0;
    return before;
}

static uint32_t keep(uint32_t choice)
{
    struct sim_list *list = &sim_record->lists[current];
    list->choices[list->count++] = choice;
    return choice;
}

static bool is_full(void)
{
    return sim_record->lists[current].count >= SIM_CHOICES_MAX;
}

/* The next of the list, or 0. */
static uint32_t next_played(void)
{
    uint32_t at = sim_record->lists[current].count;
    return at < played[current].count ? played[current].choices[at] : 0;
}

uint32_t sim_choose(uint32_t n)
{
    if (n <= 1 || is_full())
        return 0;
    return keep(played != NULL ? next_played() % n : (uint32_t)(next_random() >> 33) % n);
}

uint32_t sim_rarely(uint32_t one_in, uint32_t n)
{
    if (is_full())
        return 0;
    if (played != NULL)
        return keep(next_played() % n);
    uint64_t drawn = next_random();
    if ((uint32_t)(drawn >> 33) % one_in != 0)
        return keep(0);
    return keep(1 + (uint32_t)(drawn & 0x7fffffff) % (n - 1));
}

bool sim_is(uint32_t one_in)
{
    return sim_rarely(one_in, 2) != 0;
}

void sim_fail(const char *invariant, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    snprintf(sim_record->invariant, sizeof sim_record->invariant, "%s", invariant);
    vsnprintf(sim_record->text, sizeof sim_record->text, format, args);
    va_end(args);
    SIM_TELL("FAILED", "%s: %s", invariant, sim_record->text);
    fflush(stdout);
    if (getenv("SIM_ABORTS") != NULL)
        abort(); /* for a debugger */
    _exit(3);
}

void sim_tell(const char *who, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%14.6f  %-9s ", (double)(net_now() - NET_EPOCH_NS) / 1e9, who);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout); /* a crash may come */
    va_end(args);
}

/* An assertion of the library, named by its text. The linker puts this in the place of the C library's. */
_Noreturn void __wrap___assert_fail(const char *text, const char *file, unsigned line, const char *function);
_Noreturn void __wrap___assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
    const char *name = strrchr(file, '/');
    char invariant[64];
    snprintf(invariant, sizeof invariant, "assertion %s:%u", name != NULL ? name + 1 : file, line);
    sim_fail(invariant, "%s: %s", function, text);
}
