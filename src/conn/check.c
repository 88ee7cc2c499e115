/* What must be true of a connection between two events, state by state. Debug and sanitizer builds, the unit tests
 * and the simulation look after each event. */
#include <assert.h>

#include "conn/conn.h"

static void check_open(const struct weir_conn *conn)
{
    assert(!conn->fin_sent || conn->tunnel_shut); /* only a tunnel sends its FIN and goes on */
    assert(!conn->tunnel_shut || conn->facts.tunnel);
    assert(conn->facts.exchanges_begun > 0 || conn->facts.octets_queued == 0 || conn->work != NULL);
    /* An idle connection has no engine and no buffer: all that it sent has left. */
    assert(conn->work != NULL || conn->facts.octets_sent == conn->facts.octets_queued);
}

void conn_check(const struct weir_conn *conn)
{
    const struct conn_work *work = conn->work;
    if (work != NULL && conn->life <= LIFE_FLUSHING && engine_is_h1(work->engine))
        h1_engine_check(&work->h1);
    switch ((enum life_state)conn->life) {
    case LIFE_OPEN:
        check_open(conn);
        break;
    case LIFE_FLUSHING:
        assert(work != NULL);
        assert(work->engine->output.pending > 0); /* else the close would go on */
        break;
    case LIFE_ENDING:
    case LIFE_SHUTTING:
        assert(conn->facts.cause != 0);
        assert(work == NULL || work->engine->output.pending == 0); /* shutdown never comes before the last octet */
        assert(!conn->fin_sent || conn->tunnel_shut);
        break;
    case LIFE_LINGERING:
        assert(conn->facts.cause != 0);
        assert(conn->fin_sent);
        break;
    case LIFE_CLOSING:
    case LIFE_ABORTING:
        assert(conn->facts.cause != 0); /* nothing closes without a reason */
        break;
    default:
        break;
    }
}
