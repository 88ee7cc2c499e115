/* Goal: a post runs once on the loop's thread, or is told once that it was dropped, whenever the loop ends. Method:
 * posts before, within and after the end of a loop, and threads that post while it ends; the sanitizers look on. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "io/loop.h"

#define MS UINT64_C(1000000)

static weir_loop *loop;

static int set_up(void **state)
{
    (void)state;
    return weir_loop_new(&loop, NULL, NULL) != WEIR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    weir_loop_free(loop);
    return 0;
}

static void count_up(void *app)
{
    (*(int *)app)++;
}

#define THREADS 4
#define POSTS   5000

struct poster {
    pthread_t thread;
    int next;
    int *left;
};

struct post {
    struct poster *poster;
    int number;
};

static void posted(void *app)
{
    struct post *post = app;
    assert_int_equal(post->number, post->poster->next);
    post->poster->next++;
    if (--*post->poster->left == 0)
        weir_loop_stop(loop);
    free(post);
}

static void *post_many(void *app)
{
    for (int i = 0; i < POSTS; i++) {
        struct post *post = malloc(sizeof(*post));
        if (post == NULL)
            abort();
        *post = (struct post){app, i};
        if (weir_loop_post(loop, posted, post) != WEIR_OK)
            abort();
    }
    return NULL;
}

static void test_posts_from_threads(void **state)
{
    struct poster posters[THREADS];
    int left = THREADS * POSTS;
    (void)state;
    for (int i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){.left = &left};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    weir_loop_run(loop);
    assert_int_equal(left, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(posters[i].thread, NULL);
}

static void post_again(void *app)
{
    count_up(app);
    if (*(int *)app < 3)
        assert_int_equal(weir_loop_post(loop, post_again, app), WEIR_OK);
}

/* A post within a post waits for the next round; those that did not run are dropped without a leak. */
static void test_post_within_post(void **state)
{
    int calls = 0;
    (void)state;
    assert_int_equal(weir_loop_post(loop, post_again, &calls), WEIR_OK);
    weir_loop_step(loop, WEIR_NEVER);
    assert_int_equal(calls, 1);
    weir_loop_step(loop, WEIR_NEVER);
    assert_int_equal(calls, 2);
}

/* --- posts in places of the caller's
 * ----------------------------------------------------------------------------------- */

struct job {
    weir_post post;
    int ran;
    int dropped;
};

static void job_ran(void *app)
{
    ((struct job *)app)->ran++;
}

static void job_dropped(void *app)
{
    ((struct job *)app)->dropped++;
}

static void job_ran_again(void *app)
{
    struct job *job = app;
    if (job->ran++ > 0)
        return;
    weir_post_init(&job->post, loop, job_ran_again, job_dropped, job);
    weir_post_send(&job->post);
}

static void expect_job(const struct job *job, int ran, int dropped)
{
    assert_int_equal(job->ran, ran);
    assert_int_equal(job->dropped, dropped);
}

static void test_post_runs(void **state)
{
    struct job job = {.ran = 0}, twice = {.ran = 0};
    (void)state;
    weir_post_init(&job.post, loop, job_ran, job_dropped, &job);
    weir_post_init(&twice.post, loop, job_ran_again, job_dropped, &twice);
    weir_post_send(&twice.post);
    weir_post_send(&job.post);
    weir_loop_step(loop, WEIR_NEVER);
    expect_job(&job, 1, 0);
    expect_job(&twice, 1, 0);
    weir_loop_step(loop, WEIR_NEVER);
    expect_job(&twice, 2, 0);
    weir_loop_step(loop, 0);
    expect_job(&job, 1, 0);
    expect_job(&twice, 2, 0);
}

static void test_post_that_is_not_sent(void **state)
{
    struct job job = {.ran = 0};
    (void)state;
    weir_post_init(&job.post, loop, job_ran, job_dropped, &job);
    weir_post_fini(&job.post);
    weir_loop_step(loop, 0);
    expect_job(&job, 0, 0);
}

static void send_to_one_that_ends(void *app)
{
    struct job *job = app;
    job->dropped++;
    weir_post_send(&job[1].post);
}

/* Sent before the end, within it, after it; and kept by Weir. Each is told once, and nothing is left. */
static void test_post_to_a_loop_that_has_ended(void **state)
{
    struct job jobs[4] = {{.ran = 0}};
    weir_loop *ends;
    int calls = 0;
    (void)state;
    assert_int_equal(weir_loop_new(&ends, NULL, NULL), WEIR_OK);
    weir_post_init(&jobs[0].post, ends, job_ran, send_to_one_that_ends, &jobs[0]);
    weir_post_init(&jobs[1].post, ends, job_ran, job_dropped, &jobs[1]);
    weir_post_init(&jobs[2].post, ends, job_ran, job_dropped, &jobs[2]);
    weir_post_init(&jobs[3].post, ends, job_ran, NULL, &jobs[3]);
    weir_loop_ref(ends);
    assert_int_equal(weir_loop_post(ends, count_up, &calls), WEIR_OK);
    weir_post_send(&jobs[0].post);
    weir_loop_free(ends);
    expect_job(&jobs[0], 0, 1);
    expect_job(&jobs[1], 0, 1);
    expect_job(&jobs[2], 0, 0);
    assert_int_equal(weir_loop_post(ends, count_up, &calls), WEIR_CODE_stopped);
    weir_loop_unref(ends);
    weir_post_send(&jobs[2].post);
    expect_job(&jobs[2], 0, 1);
    weir_post_send(&jobs[3].post);
    expect_job(&jobs[3], 0, 0);
    assert_int_equal(calls, 0);
}

struct crowd {
    pthread_t thread;
    struct job *jobs;
};

static void *send_all(void *app)
{
    struct crowd *crowd = app;
    for (int i = 0; i < POSTS; i++)
        weir_post_send(&crowd->jobs[i].post);
    return NULL;
}

/* Threads post, and nobody waits for them: the loop ends in the middle, and its memory with the last post. */
static void test_loop_ends_while_threads_post(void **state)
{
    struct crowd crowds[THREADS];
    weir_loop *ends;
    (void)state;
    assert_int_equal(weir_loop_new(&ends, NULL, NULL), WEIR_OK);
    for (int i = 0; i < THREADS; i++) {
        crowds[i].jobs = calloc(POSTS, sizeof(struct job));
        assert_non_null(crowds[i].jobs);
        for (int j = 0; j < POSTS; j++)
            weir_post_init(&crowds[i].jobs[j].post, ends, job_ran, job_dropped, &crowds[i].jobs[j]);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&crowds[i].thread, NULL, send_all, &crowds[i]), 0);
    for (int rounds = 0; rounds < 3; rounds++)
        weir_loop_step(ends, MS);
    weir_loop_free(ends);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(crowds[i].thread, NULL);
        for (int j = 0; j < POSTS; j++)
            assert_int_equal(crowds[i].jobs[j].ran + crowds[i].jobs[j].dropped, 1);
        free(crowds[i].jobs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_posts_from_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_post_within_post, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_post_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_post_that_is_not_sent, set_up, tear_down),
        cmocka_unit_test(test_post_to_a_loop_that_has_ended),
        cmocka_unit_test(test_loop_ends_while_threads_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
