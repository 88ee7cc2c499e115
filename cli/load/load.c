/* weir load: a load generator that ends its connections as you say. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/commands.h"
#include "common/whole_file.h"
#include "load/fail.h"
#include "load/histogram_log.h"
#include "load/ledger.h"
#include "load/live.h"
#include "load/offline.h"
#include "load/report.h"
#include "load/worker.h"

/* Beside the connections: standard streams, an epoll a thread, the ledger's connection, a file or two. */
#define DESCRIPTORS_BESIDE 16
#define PING_NS            (200 * (long)WEIR_MS)

static struct load_run run;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&run.stop, 1);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* Raises the soft limit as far as it is needed and allowed. */
static bool have_descriptors(const struct load_options *o)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)(o->connections + o->threads + DESCRIPTORS_BESIDE);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return true;
    if (limit.rlim_max >= need) {
        limit.rlim_cur = need;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
            return true;
    }
    (void)fprintf(stderr,
                  "weir load: %" PRIu64 " connections need %ju descriptors, and the limit is %ju: raise it with "
                  "ulimit -Hn and ulimit -n %ju, or LimitNOFILE= of systemd\n",
                  o->connections, (uintmax_t)need, (uintmax_t)limit.rlim_max, (uintmax_t)need);
    return false;
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

static size_t start(struct load_worker *workers, size_t count)
{
    size_t started = 0;
    while (started < count) {
        int os = pthread_create(&workers[started].thread, NULL, load_worker_run, &workers[started]);
        if (os != 0) {
            (void)fprintf(stderr, "weir load: a thread could not be started: %s\n", strerror(os));
            atomic_store(&run.stop, 2);
            break;
        }
        started++;
    }
    return started;
}

/* The ledger's connection is used now and then, so that the server does not close it meanwhile: that would be an ending
 * more. `fetch` may be null. */
static void join(struct load_worker *worker, struct load_fetch *fetch)
{
    char error[400];
    static bool told;
    for (;;) {
        if (!told && atomic_load(&run.stop) == 1) {
            told = true;
            load_live_say("weir load: ending in order; a second signal cuts what is left");
        }
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += PING_NS;
        until.tv_sec += until.tv_nsec / (long)WEIR_SECOND;
        until.tv_nsec %= (long)WEIR_SECOND;
        if (pthread_timedjoin_np(worker->thread, NULL, &until) != ETIMEDOUT)
            return;
        if (fetch != NULL && !load_fetch_get(fetch, error, sizeof(error)))
            fetch = NULL; /* asked again, and complained about, at the end */
    }
}

/* False: it said why. */
static bool run_workers(struct load_worker *workers, const struct load_options *o, struct load_fetch *fetch,
                        struct load_tally *total)
{
    size_t made = 0;
    bool fine = true;
    while (fine && made < o->threads) {
        fine = load_worker_init(&workers[made], &run, (unsigned)made);
        if (!fine)
            (void)fprintf(stderr, "weir load: %s\n", workers[made].error);
        made++;
    }
    if (fine) {
        struct load_live live;
        size_t started = start(workers, made);
        fine = started == made;
        load_live_start(&live, workers, started);
        for (size_t i = 0; i < started; i++)
            join(&workers[i], fetch);
        load_live_stop(&live);
    }
    for (size_t i = 0; i < made; i++) {
        if (fine && !load_tally_add(total, &workers[i].tally))
            (void)fputs("weir load: a histogram is full: what came last is not in it\n", stderr);
        load_worker_fini(&workers[i]);
    }
    return fine;
}

/* --- what it came to -------------------------------------------------------------------------------------------- */

static bool write_histogram(const struct load_result *r)
{
    struct whole_file file;
    bool done = whole_file_open(&file, r->options->histogram);
    if (done) {
        done = histogram_log_open(file.out, r->options->target.url, r->began_unix_ns) &&
               histogram_log_write(file.out, NULL, r->began_unix_ns, r->tally->measured_ns, &r->tally->latency);
        done = whole_file_close(&file, done);
    }
    if (!done)
        (void)fprintf(stderr, "weir load: --histogram is '%s': %s\n", r->options->histogram, strerror(errno));
    return done;
}

static size_t width_of_output(void)
{
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static bool print(const struct load_result *r)
{
    struct text out = text_growing();
    if (r->options->json)
        load_report_json(&out, r);
    else
        load_report_text(&out, r);
    weir_str view = text_view(&out);
    bool done = !out.cut && fwrite(view.ptr, 1, view.len, stdout) == view.len && fflush(stdout) == 0;
    if (!done)
        (void)fprintf(stderr, "weir load: the report could not be written: %s\n", strerror(out.cut ? ENOMEM : errno));
    text_free(&out);
    return done;
}

/* Each of the two, whatever becomes of the other. */
static bool write_results(const struct load_result *r)
{
    bool printed = print(r);
    return (r->options->histogram == NULL || write_histogram(r)) && printed;
}

/* A condition of errors takes the place of the rule that no error is fine. */
static bool has_too_many_errors(const struct load_result *r)
{
    const struct load_options *o = r->options;
    for (size_t i = 0; i < o->fail_count; i++)
        if (o->fails[i].what == LOAD_FAIL_ERRORS)
            return false;
    return load_tally_errors(r->tally) != 0;
}

/* Says which conditions hold. */
static bool has_failed(const struct load_result *r)
{
    const struct load_options *o = r->options;
    bool failed = false;
    for (size_t i = 0; i < o->fail_count; i++) {
        char value[32];
        load_fail_value_text(value, &o->fails[i], r->fails[i].value);
        if (r->fails[i].failed)
            (void)fprintf(stderr, "weir load: failed: %s: %s\n", o->fails[i].text,
                          r->fails[i].nothing ? "nothing was measured" : value);
        failed |= r->fails[i].failed;
    }
    return failed;
}

/* Writes what the run came to. False if it has failed. */
static bool conclude(struct load_result *r)
{
    const struct load_options *o = r->options;
    struct load_fail_result fails[OPTION_LIST_MAX];
    enum load_reason reason = r->tally->reason;
    for (size_t i = 0; i < o->fail_count; i++)
        fails[i] = load_fail_judge(&o->fails[i], r->tally, o->requests);
    r->fails = fails;
    bool written = write_results(r);
    if (load_reason_is_failure(reason))
        (void)fprintf(stderr, "weir load: %s: %s\n", load_reason_name(reason), load_reason_text(reason));
    bool failed = has_failed(r);
    r->fails = NULL;
    return written && !failed && !has_too_many_errors(r) && !load_reason_is_failure(reason) &&
           (r->table == NULL || r->table->matches);
}

static uint64_t unix_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * WEIR_SECOND + (uint64_t)now.tv_nsec;
}

/* The run between the two looks at the ledger. Returns an exit status. */
static int run_between(struct load_result *r, struct load_tally *total, struct load_worker *workers)
{
    const struct load_options *o = r->options;
    char error[400];
    struct load_fetch fetch;
    struct load_ledger before, after;
    struct load_ledger_table *table = NULL;
    bool fine = true, usage = false;
    if (o->server_endings != NULL) {
        table = malloc(sizeof(*table));
        fine = table != NULL && load_fetch_init(&fetch, o->server_endings, error, sizeof(error), &usage) &&
               load_ledger_fetch(&before, &fetch, error, sizeof(error));
    }
    if (fine)
        fine = run_workers(workers, o, table != NULL ? &fetch : NULL, total);
    else
        (void)fprintf(stderr, "weir load: --server-endings: %s\n", table == NULL ? "out of memory" : error);
    bool compared = true;
    if (fine && table != NULL) {
        compared = load_ledger_after(&after, &fetch, &before, total->opened, o->timeout_ns, error, sizeof(error));
        if (compared)
            load_ledger_match(table, &after, total);
        else
            (void)fprintf(stderr, "weir load: --server-endings: %s\n", error);
        r->table = compared ? table : NULL;
    }
    r->interrupted = atomic_load(&run.stop) > 0;
    int status = usage ? 2 : fine && conclude(r) && compared ? 0 : 1;
    if (table != NULL)
        load_fetch_fini(&fetch);
    free(table);
    return status;
}

static int run_load(const struct load_options *o)
{
    struct load_tally *total = calloc(1, sizeof(*total));
    struct load_worker *workers = calloc(o->threads, sizeof(*workers));
    struct load_result result = {.options = o,
                                 .tally = total,
                                 .began_unix_ns = unix_now_ns(),
                                 .width = width_of_output()};
    int status = 1;
    run.options = o;
    if (total == NULL || workers == NULL || !load_tally_init(total))
        (void)fputs("weir load: out of memory\n", stderr);
    else if (have_descriptors(o))
        status = run_between(&result, total, workers);
    if (total != NULL)
        load_tally_fini(total);
    free(total);
    free(workers);
    return status;
}

int command_load(int argc, char **argv)
{
    static struct load_options options;
    int status;
    if (load_options_parse(&options, argc, argv, &status) == OPTIONS_RUN) {
        catch_signals();
        status = options.compare ? load_compare(&options) : options.merge ? load_merge(&options) : run_load(&options);
    }
    load_options_fini(&options);
    return status;
}
