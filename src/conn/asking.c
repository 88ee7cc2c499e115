/* A client: requests that are put on a connection. */
#include <string.h>

#include "base/sized.h"
#include "conn/conn.h"

weir_code conn_take_request(weir_request *ours, const weir_request *request)
{
    *ours = (weir_request){.size = sizeof *ours};
    if (request == NULL || request->size == 0)
        return WEIR_CODE_misuse;
    if (!base_sized_in(ours, sizeof *ours, request, request->size))
        return WEIR_CODE_unsupported;
    ours->size = sizeof *ours;
    if (ours->method.len == 0)
        ours->method = WEIR_STR("GET");
    if (ours->handler == NULL)
        return WEIR_OK;
    if (ours->handler->size == 0)
        return WEIR_CODE_misuse;
    weir_handler known;
    bool all_known =
        ours->handler->size <= sizeof known || base_sized_in(&known, sizeof known, ours->handler, ours->handler->size);
    return all_known ? WEIR_OK : WEIR_CODE_unsupported;
}

/* Returns the engine to queue a request on, or null with the reason in `code`. `*ahead`: the request is pipelined behind
 * output that is pending, so the deadlines stay as they are. */
static struct engine *begin_asking(struct weir_conn *conn, uint64_t now_ns, weir_code *code, bool *ahead)
{
    *code = WEIR_CODE_misuse;
    if (conn->config->options.role != WEIR_ROLE_CLIENT || conn->life != LIFE_OPEN || conn->facts.fin_seen ||
        conn->facts.last_code != 0)
        return NULL;
    *code = WEIR_CODE_no_memory;
    if (conn->work == NULL && !conn_start_work(conn, now_ns))
        return NULL;
    struct engine *engine = conn->work->engine;
    engine->now_ns = now_ns;
    *ahead = engine_is_busy(engine) && engine->output.pending > 0;
    return engine;
}

/* A refusal leaves the connection as idle as it was. */
static weir_code end_asking(struct weir_conn *conn, weir_code code, uint64_t now_ns, bool ahead)
{
    uint64_t since_ns = conn->since_ns;
    if (code == WEIR_OK && ahead)
        return code;
    conn_settle(conn, now_ns);
    conn->since_ns = since_ns;
    return code;
}

weir_code weir_conn_request(weir_conn *conn, const weir_request *request, weir_exchange **out, uint64_t now_ns)
{
    weir_request ours;
    *out = NULL;
    weir_code code = conn_take_request(&ours, request);
    bool ahead;
    struct engine *engine = code == WEIR_OK ? begin_asking(conn, now_ns, &code, &ahead) : NULL;
    if (engine == NULL)
        return code;
    return end_asking(conn, engine_request(engine, &ours, out), now_ns, ahead);
}

weir_code conn_request(struct weir_conn *conn, const weir_prepared *prepared, struct weir_exchange *x,
                       weir_exchange **out, uint64_t now_ns)
{
    weir_code code;
    bool ahead;
    *out = NULL;
    struct engine *engine = begin_asking(conn, now_ns, &code, &ahead);
    if (engine == NULL)
        return code;
    return end_asking(conn, engine->ops->ask(engine, prepared, x, out), now_ns, ahead);
}

weir_code weir_conn_request_prepared(weir_conn *conn, const weir_prepared *prepared, void *user, weir_exchange **out,
                                     uint64_t now_ns)
{
    weir_code code = conn_request(conn, prepared, NULL, out, now_ns);
    if (*out != NULL)
        (*out)->user = user;
    return code;
}

weir_code weir_prepare(weir_prepared **out, weir_conn_config *config, const weir_request *request)
{
    weir_request ours;
    *out = NULL;
    weir_code code = conn_take_request(&ours, request);
    bool whole = ours.body.kind != WEIR_BODY_STREAM && ours.body.kind != WEIR_BODY_SIZED && !ours.expect;
    if (code == WEIR_OK && (!whole || config->options.role != WEIR_ROLE_CLIENT))
        code = WEIR_CODE_misuse;
    return code == WEIR_OK ? engine_prepare(out, config, &ours) : code;
}
