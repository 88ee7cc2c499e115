/* Goal: a latency delays and does nothing else: octets keep their order, none leaves sooner or later than was drawn, as
 * much is on its way as came, up to a stated bound, at which the sender is not read. Method: a direction between two
 * pairs of sockets, under a clock of the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault/pipe.h"

#define MS    UINT64_C(1000000)
#define START (1000 * MS)

struct line {
    struct fault_plan plan;
    struct fault_account account;
    struct fault_pipe pipe;
    int in[2], out[2]; /* [0]: the peer's, [1]: the direction's */
    uint64_t sent, received;
};

static char octet_at(uint64_t offset)
{
    return (char)(offset * 7 % 251 + offset / 65536);
}

static void open_line(struct line *line, struct fault_plan plan, size_t blocks_max)
{
    *line = (struct line){.plan = plan, .account = {.blocks_max = blocks_max}};
    line->plan.shaped[FAULT_UP] = true;
    line->plan.way = FAULT_DOWN;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, line->in), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, line->out), 0);
    fault_pipe_init(&line->pipe, &line->plan, FAULT_UP, 7, 1);
    assert_true(fault_pipe_open(&line->pipe, &line->account));
}

static void close_line(struct line *line)
{
    for (int i = 0; i < 2; i++) {
        (void)close(line->in[i]);
        (void)close(line->out[i]);
    }
    fault_pipe_fini(&line->pipe);
    assert_int_equal(line->account.blocks, 0);
}

/* `count` octets come at `now_ns`, as far as they are read. Returns how many were. */
static uint64_t come(struct line *line, uint64_t count, uint64_t now_ns)
{
    static char octets[65536];
    uint64_t before = line->pipe.store.tail, upto = line->sent + count;
    while (line->sent < upto) {
        size_t size = upto - line->sent < sizeof(octets) ? (size_t)(upto - line->sent) : sizeof(octets);
        for (size_t i = 0; i < size; i++)
            octets[i] = octet_at(line->sent + i);
        ssize_t put = send(line->in[0], octets, size, 0);
        line->sent += put > 0 ? (uint64_t)put : 0;
        bool read = false;
        while (fault_pipe_read(&line->pipe, line->in[1], now_ns) == FAULT_MOVED)
            read = true;
        if (put <= 0 && !read)
            break;
    }
    while (fault_pipe_read(&line->pipe, line->in[1], now_ns) == FAULT_MOVED)
        ;
    return line->pipe.store.tail - before;
}

static void receive(struct line *line)
{
    static char octets[65536];
    for (;;) {
        ssize_t got = recv(line->out[0], octets, sizeof(octets), 0);
        if (got <= 0)
            return;
        for (ssize_t i = 0; i < got; i++)
            if (octets[i] != octet_at(line->received + (uint64_t)i))
                fail_msg("octet %llu is another", (unsigned long long)(line->received + (uint64_t)i));
        line->received += (uint64_t)got;
    }
}

/* All that leaves at `now_ns`. When the next is due: WEIR_NEVER if nothing is held. */
static uint64_t leave(struct line *line, uint64_t now_ns)
{
    uint64_t due_ns;
    for (;;) {
        switch (fault_pipe_write(&line->pipe, line->out[1], now_ns, &due_ns)) {
        case FAULT_IDLE:
            receive(line);
            return UINT64_MAX;
        case FAULT_EARLY:
            assert_true(due_ns > now_ns);
            receive(line);
            return due_ns;
        case FAULT_BROKEN:
            fail_msg("broken: %d", errno);
            break;
        case FAULT_MOVED:
        case FAULT_BLOCKED:
            receive(line);
            break;
        }
    }
}

static struct fault_plan latency(uint64_t min_ns, uint64_t max_ns)
{
    return (struct fault_plan){.latency_ns = {min_ns, max_ns}};
}

/* As many as came, a delay ago: each round some come, and the rounds follow closer than the delay. */
static void test_a_delay_is_exact(void **state)
{
    (void)state;
    struct line line;
    uint64_t came[200];
    open_line(&line, latency(50 * MS, 50 * MS), 1000);
    for (uint64_t round = 0; round < 200; round++) {
        uint64_t now_ns = START + round * MS;
        assert_int_equal(come(&line, round % 17 * 1000 + 1, now_ns), round % 17 * 1000 + 1);
        came[round] = line.sent;
        uint64_t due_ns = leave(&line, now_ns);
        assert_int_equal(line.received, round < 50 ? 0 : came[round - 50]);
        assert_int_equal(due_ns, round < 50 ? START + 50 * MS : now_ns + MS);
    }
    assert_int_equal(leave(&line, START + 300 * MS), UINT64_MAX);
    assert_int_equal(line.received, line.sent);
    close_line(&line);
}

/* Much more than a buffer comes at once: it leaves at once too, a delay later. */
static void test_a_delay_is_no_rate(void **state)
{
    (void)state;
    struct line line;
    const uint64_t much = 8000000;
    open_line(&line, latency(50 * MS, 50 * MS), 1000);
    assert_int_equal(come(&line, much, START), much);
    assert_int_equal(leave(&line, START + 50 * MS - 1), START + 50 * MS);
    assert_int_equal(line.received, 0);
    assert_int_equal(leave(&line, START + 50 * MS), UINT64_MAX);
    assert_int_equal(line.received, much);
    close_line(&line);
}

/* With jitter each leaves within the range after it came, in order, and as much is on its way. */
static void test_jitter(void **state)
{
    (void)state;
    struct line line;
    enum { ROUNDS = 300 };
    uint64_t came[ROUNDS], rounds = ROUNDS;
    open_line(&line, latency(20 * MS, 40 * MS), 1000);
    for (uint64_t round = 0; round < rounds + 40; round++) {
        uint64_t now_ns = START + round * MS;
        if (round < rounds) {
            assert_int_equal(come(&line, 20000, now_ns), 20000);
            came[round] = line.sent;
        }
        (void)leave(&line, now_ns);
        uint64_t most = round < 20 ? 0 : round - 20 < rounds ? came[round - 20] : line.sent;
        uint64_t least = round < 40 ? 0 : round - 40 < rounds ? came[round - 40] : line.sent;
        assert_in_range(line.received, least, most);
    }
    (void)leave(&line, START + (rounds + 40) * MS);
    assert_int_equal(line.received, line.sent);
    close_line(&line);
}

static void test_the_bound(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, latency(3600000 * MS, 3600000 * MS), SIZE_MAX);
    assert_int_equal(come(&line, FAULT_LINE_SIZE + (1 << 20), START), FAULT_LINE_SIZE);
    assert_int_equal(fault_pipe_room(&line.pipe), 0);
    (void)leave(&line, START + 3600000 * MS);
    assert_int_equal(line.received, FAULT_LINE_SIZE);
    assert_true(fault_pipe_room(&line.pipe) > 0);
    close_line(&line);

    struct fault_plan plan = latency(500 * MS, 1000 * MS);
    plan.rate = 1000000; /* no more is on its way than the rate lets through in the delay */
    open_line(&line, plan, SIZE_MAX);
    assert_int_equal(come(&line, 4000000, START), FAULT_PIPE_SIZE + 1000000);
    close_line(&line);

    open_line(&line, latency(0, 0), SIZE_MAX);
    assert_int_equal(come(&line, 4000000, START), FAULT_PIPE_SIZE);
    close_line(&line);
}

/* The process holds no more than it may: what is read then waits for what leaves. */
static void test_the_bound_of_all(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, latency(10 * MS, 10 * MS), 3);
    assert_int_equal(come(&line, 1000000, START), 4 * FAULT_BLOCK_SIZE);
    assert_int_equal(fault_pipe_room(&line.pipe), 0);
    uint64_t now_ns = START;
    while (line.received < line.sent) {
        now_ns += 10 * MS;
        (void)leave(&line, now_ns);
        assert_true(line.received == line.sent || come(&line, 0, now_ns) > 0);
    }
    close_line(&line);
}

/* Each read has a time of its own, and there may be many of them. */
static void test_many_arrivals(void **state)
{
    (void)state;
    struct line line;
    open_line(&line, latency(1000 * MS, 1000 * MS), 1000);
    uint64_t now_ns = START;
    for (; fault_pipe_room(&line.pipe) > 0 && line.sent < FAULT_ARRIVALS_MAX + 10; now_ns += 1000)
        (void)come(&line, 1, now_ns);
    assert_int_equal(line.pipe.store.tail, FAULT_ARRIVALS_MAX);
    for (uint64_t k = 0; k < FAULT_ARRIVALS_MAX; k += 5003) {
        (void)leave(&line, START + 1000 * MS + k * 1000);
        assert_int_equal(line.received, k + 1);
    }
    close_line(&line);
}

/* A slice is sent whole, wherever it lies in the memory. */
static void test_slices_are_whole(void **state)
{
    (void)state;
    struct line line;
    struct fault_plan plan = latency(10 * MS, 10 * MS);
    plan.slice = (struct fault_range){1000, 1000};
    open_line(&line, plan, 1000);
    assert_int_equal(come(&line, 300000, START), 300000);
    for (uint64_t slice = 1; slice <= 300; slice++) {
        uint64_t due_ns;
        assert_int_equal(fault_pipe_write(&line.pipe, line.out[1], START + 10 * MS, &due_ns), FAULT_MOVED);
        receive(&line);
        assert_int_equal(line.received, slice * 1000);
    }
    close_line(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_delay_is_exact), cmocka_unit_test(test_a_delay_is_no_rate),
        cmocka_unit_test(test_jitter),           cmocka_unit_test(test_the_bound),
        cmocka_unit_test(test_the_bound_of_all), cmocka_unit_test(test_many_arrivals),
        cmocka_unit_test(test_slices_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
