/* Histories by the thousand, and of one that fails a short one that a person can read. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"
#include "world.h"

#define SHRINK_TRIES_MAX    10000
#define SHRINK_SECONDS      20
/* A history takes a millisecond. */
#define HISTORY_SECONDS_MAX 30

static struct sim_list *kept; /* choices of the shortest history that fails: SIM_LISTS of them */
static char kept_invariant[64];
static double shrink_until;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits for the child; false when its history failed: then the record says why. */
static bool is_well(pid_t child)
{
    int status;
    if (waitpid(child, &status, 0) < 0)
        return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (sim_record->invariant[0] == '\0')
        snprintf(sim_record->invariant, sizeof sim_record->invariant, "%s %d",
                 WIFSIGNALED(status) ? "no signal" : "exit status 0",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

/* Plays the kept lists in a process of its own; true when that fails as the first did. */
static bool fails_alike(void)
{
    if (seconds() > shrink_until)
        return false;
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(0);
        alarm(HISTORY_SECONDS_MAX);
        sim_play(kept);
        world_run();
        _exit(0);
    }
    return !is_well(child) && strcmp(sim_record->invariant, kept_invariant) == 0;
}

/* --- shrinking -------------------------------------------------------------------------------------------------- */

static void drop_zeros(struct sim_list *list)
{
    while (list->count > 0 && list->choices[list->count - 1] == 0)
        list->count--;
}

static uint32_t kept_count(void)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < SIM_LISTS; i++)
        count += kept[i].count;
    return count;
}

/* Tries the list with some choices taken out, or made zero; keeps it so if it fails alike. */
static bool try_without(struct sim_list *list, uint32_t at, uint32_t size, uint32_t *tries, bool zero)
{
    static struct sim_list before;
    uint32_t end = at + size < list->count ? at + size : list->count;
    bool changes = !zero;
    if (++*tries > SHRINK_TRIES_MAX)
        return false;
    before.count = list->count;
    memcpy(before.choices, list->choices, list->count * sizeof *list->choices);
    for (uint32_t i = at; zero && i < end; i++) {
        changes |= list->choices[i] != 0;
        list->choices[i] = 0;
    }
    if (!zero) {
        memmove(list->choices + at, list->choices + end, (list->count - end) * sizeof *list->choices);
        list->count -= end - at;
    }
    if (changes && fails_alike()) {
        drop_zeros(list);
        return true;
    }
    list->count = before.count;
    memcpy(list->choices, before.choices, before.count * sizeof *list->choices);
    return false;
}

static bool lower_one(uint32_t *choice, uint32_t *tries)
{
    bool any = false;
    while (*choice > 1 && *tries < SHRINK_TRIES_MAX) {
        uint32_t before = *choice;
        const uint32_t lower[] = {1, before / 2, before - 1};
        bool lowered = false;
        for (int i = 0; !lowered && i < 3; i++) {
            ++*tries;
            *choice = lower[i];
            lowered = lower[i] > 0 && fails_alike();
        }
        if (!lowered) {
            *choice = before;
            return any;
        }
        any = true;
    }
    return any;
}

static bool shrink_list(struct sim_list *list, uint32_t *tries)
{
    bool better = false;
    for (uint32_t size = list->count; size > 0; size /= 2)
        for (int zero = 1; zero >= 0; zero--)
            for (uint32_t at = 0; at < list->count;)
                if (try_without(list, at, size, tries, zero != 0))
                    better = true;
                else
                    at += size;
    for (uint32_t at = 0; at < list->count; at++)
        better |= lower_one(&list->choices[at], tries);
    return better;
}

/* The peer that matters comes to the first place, which is never empty. */
static bool put_first(void)
{
    for (unsigned i = 2; i < SIM_LISTS; i++) {
        if (kept[i].count == 0)
            continue;
        struct sim_list first = kept[1];
        kept[1] = kept[i];
        kept[i].count = 0;
        if (fails_alike())
            return true;
        kept[i] = kept[1];
        kept[1] = first;
    }
    return false;
}

static void shrink(void)
{
    uint32_t tries = 0;
    bool better = true;
    while (better && tries < SHRINK_TRIES_MAX) {
        better = false;
        for (unsigned i = SIM_LISTS; i-- > 0;)
            better |= shrink_list(&kept[i], &tries);
        better |= kept[1].count == 0 && put_first();
    }
}

/* --- telling ---------------------------------------------------------------------------------------------------- */

/* Prints the history of the kept choices. */
static void tell_kept(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(HISTORY_SECONDS_MAX);
        sim_tells = true;
        sim_play(kept);
        world_run();
        fflush(stdout);
        _exit(0);
    }
    (void)is_well(child);
    fflush(stdout);
}

static void report(bool shrinks)
{
    printf("seed %" PRIu64 " fails: %s: %s\n", sim_record->seed, sim_record->invariant, sim_record->text);
    snprintf(kept_invariant, sizeof kept_invariant, "%s", sim_record->invariant);
    memcpy(kept, sim_record->lists, sizeof sim_record->lists);
    for (unsigned i = 0; i < SIM_LISTS; i++)
        drop_zeros(&kept[i]);
    uint32_t before = kept_count();
    const struct sim_totals totals = sim_record->totals;
    fflush(stdout);
    shrink_until = seconds() + SHRINK_SECONDS;
    if (shrinks)
        shrink();
    printf("%" PRIu32 " choices, %" PRIu32 " when shrunk; the history:\n", before, kept_count());
    tell_kept();
    sim_record->totals = totals;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

struct run {
    uint64_t first; /* seed */
    uint64_t count; /* histories; 0: as time allows */
    double until;
};

/* Histories one after another, in this process. */
static void run_some(const struct run *run, uint64_t *next)
{
    for (uint64_t i = 0; i < 500; i++) {
        if ((run->count != 0 && *next == run->first + run->count) || seconds() > run->until)
            break;
        alarm(HISTORY_SECONDS_MAX);
        sim_draw(*next);
        world_run();
        ++*next;
    }
}

/* True when all is well. */
static bool run_all(const struct run *run, uint64_t *next)
{
    uint64_t *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    *shared = run->first;
    bool well = true;
    while (well && (run->count == 0 || *shared < run->first + run->count) && seconds() < run->until) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            run_some(run, shared);
            _exit(0);
        }
        well = is_well(child);
    }
    *next = *shared;
    return well;
}

static void tell_totals(const struct run *run, double took)
{
    const struct sim_totals *r = &sim_record->totals;
    printf("seeds from %" PRIu64 ": %" PRIu64 " histories, %" PRIu64 " connections, %" PRIu64 " exchanges in %.1f s\n",
           run->first, r->histories, r->connections, r->exchanges, took);
    printf("%" PRIu64 " of %" PRIu64 " connections accepted from raw peers are judged to the last octet: %.0f %%\n",
           r->judged, r->accepted, r->accepted > 0 ? 100.0 * (double)r->judged / (double)r->accepted : 0.0);
    for (int i = 0; i < WEIR_CODE_COUNT; i++)
        if (r->by_code[i] > 0)
            printf("%10" PRIu64 "  %s\n", r->by_code[i], weir_code_name((weir_code)i));
    for (int i = 0; i < WEIR_DELIVERY_COUNT; i++)
        printf("%10" PRIu64 "  %s\n", r->by_delivery[i], weir_delivery_name((weir_delivery)i));
    for (int i = 0; i < WEIR_RETRY_COUNT; i++)
        printf("%10" PRIu64 "  %s\n", r->by_retry[i], weir_retry_name((weir_retry)i));
}

static int usage(void)
{
    fprintf(stderr, "usage: sim [--seed N] [--count N] [--seconds N] [--tell] [--keep-going] [--no-shrink]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct run run = {.first = 1, .count = 0, .until = 1e18};
    bool tells = false, keeps_going = false, shrinks = true;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seed") == 0 && more)
            run.first = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--count") == 0 && more)
            run.count = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--seconds") == 0 && more)
            run.until = seconds() + strtod(argv[++i], NULL);
        else if (strcmp(argv[i], "--tell") == 0)
            tells = true;
        else if (strcmp(argv[i], "--keep-going") == 0)
            keeps_going = true;
        else if (strcmp(argv[i], "--no-shrink") == 0)
            shrinks = false;
        else
            return usage();
    }
    sim_record = mmap(NULL, sizeof *sim_record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    kept = malloc(SIM_LISTS * sizeof *kept);
    if (sim_record == MAP_FAILED || kept == NULL)
        return 1;
    if (tells) {
        sim_tells = true;
        sim_draw(run.first);
        world_run();
        return 0;
    }
    double began = seconds();
    uint64_t next, failures = 0;
    struct run rest = run;
    while (!run_all(&rest, &next)) {
        failures++;
        report(shrinks);
        if (!keeps_going)
            break;
        if (rest.count != 0)
            rest.count -= next + 1 - rest.first;
        rest.first = next + 1;
        if (run.count != 0 && rest.count == 0)
            break;
    }
    tell_totals(&run, seconds() - began);
    printf("%" PRIu64 " histories are well, %" PRIu64 " failed\n", sim_record->totals.histories, failures);
    return failures > 0;
}
