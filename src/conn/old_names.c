/* The functions of weir/conn.h under the names that they had in 0.1, for programs that were built then. This file
 * does not see weir/engine.h, whose macros would turn each name into the new one. */
#include <weir/conn.h>

WEIR_API weir_code weir_engine_config_new(weir_conn_config **out, const weir_conn_options *options, weir_error *error);
weir_code weir_engine_config_new(weir_conn_config **out, const weir_conn_options *options, weir_error *error)
{
    return weir_conn_config_new(out, options, error);
}

WEIR_API void weir_engine_config_free(weir_conn_config *config);
void weir_engine_config_free(weir_conn_config *config)
{
    weir_conn_config_free(config);
}

WEIR_API weir_code weir_engine_new(weir_conn **out, weir_conn_config *config, void *owner, uint64_t now_ns);
weir_code weir_engine_new(weir_conn **out, weir_conn_config *config, void *owner, uint64_t now_ns)
{
    return weir_conn_new(out, config, owner, now_ns);
}

WEIR_API void weir_engine_free(weir_conn *conn);
void weir_engine_free(weir_conn *conn)
{
    weir_conn_free(conn);
}

WEIR_API weir_code weir_engine_request(weir_conn *conn, const weir_request *request, weir_exchange **out,
                                       uint64_t now_ns);
weir_code weir_engine_request(weir_conn *conn, const weir_request *request, weir_exchange **out, uint64_t now_ns)
{
    return weir_conn_request(conn, request, out, now_ns);
}

WEIR_API weir_code weir_engine_request_prepared(weir_conn *conn, const weir_prepared *prepared, void *user,
                                                weir_exchange **out, uint64_t now_ns);
weir_code weir_engine_request_prepared(weir_conn *conn, const weir_prepared *prepared, void *user, weir_exchange **out,
                                       uint64_t now_ns)
{
    return weir_conn_request_prepared(conn, prepared, user, out, now_ns);
}

WEIR_API char *weir_engine_reserve(weir_conn *conn, size_t *size);
char *weir_engine_reserve(weir_conn *conn, size_t *size)
{
    return weir_conn_reserve(conn, size);
}

WEIR_API void weir_engine_received(weir_conn *conn, size_t n, uint64_t now_ns);
void weir_engine_received(weir_conn *conn, size_t n, uint64_t now_ns)
{
    weir_conn_received(conn, n, now_ns);
}

WEIR_API void weir_engine_received_fin(weir_conn *conn, uint64_t now_ns);
void weir_engine_received_fin(weir_conn *conn, uint64_t now_ns)
{
    weir_conn_received_fin(conn, now_ns);
}

WEIR_API size_t weir_engine_output(weir_conn *conn, weir_output *pieces, size_t count);
size_t weir_engine_output(weir_conn *conn, weir_output *pieces, size_t count)
{
    return weir_conn_output(conn, pieces, count);
}

WEIR_API void weir_engine_sent(weir_conn *conn, size_t n, uint64_t now_ns);
void weir_engine_sent(weir_conn *conn, size_t n, uint64_t now_ns)
{
    weir_conn_sent(conn, n, now_ns);
}

WEIR_API void weir_engine_output_failed(weir_conn *conn, int os, uint64_t now_ns);
void weir_engine_output_failed(weir_conn *conn, int os, uint64_t now_ns)
{
    weir_conn_output_failed(conn, os, now_ns);
}

WEIR_API unsigned weir_engine_wants(const weir_conn *conn);
unsigned weir_engine_wants(const weir_conn *conn)
{
    return weir_conn_wants(conn);
}

WEIR_API void weir_engine_receipt(weir_conn *conn, const weir_receipt *receipt, uint64_t now_ns);
void weir_engine_receipt(weir_conn *conn, const weir_receipt *receipt, uint64_t now_ns)
{
    weir_conn_receipt(conn, receipt, now_ns);
}

WEIR_API void weir_engine_shut(weir_conn *conn, uint64_t now_ns);
void weir_engine_shut(weir_conn *conn, uint64_t now_ns)
{
    weir_conn_shut(conn, now_ns);
}

WEIR_API void weir_engine_failed(weir_conn *conn, weir_direction direction, int os, uint64_t now_ns);
void weir_engine_failed(weir_conn *conn, weir_direction direction, int os, uint64_t now_ns)
{
    weir_conn_failed(conn, direction, os, now_ns);
}

WEIR_API uint64_t weir_engine_deadline(const weir_conn *conn);
uint64_t weir_engine_deadline(const weir_conn *conn)
{
    return weir_conn_deadline(conn);
}

WEIR_API void weir_engine_tick(weir_conn *conn, uint64_t now_ns);
void weir_engine_tick(weir_conn *conn, uint64_t now_ns)
{
    weir_conn_tick(conn, now_ns);
}

WEIR_API void weir_engine_drain(weir_conn *conn, uint64_t now_ns);
void weir_engine_drain(weir_conn *conn, uint64_t now_ns)
{
    weir_conn_drain(conn, now_ns);
}

WEIR_API void weir_engine_stop(weir_conn *conn, weir_code code, uint64_t now_ns);
void weir_engine_stop(weir_conn *conn, weir_code code, uint64_t now_ns)
{
    weir_conn_stop(conn, code, now_ns);
}

WEIR_API bool weir_engine_is_idle(const weir_conn *conn);
bool weir_engine_is_idle(const weir_conn *conn)
{
    return weir_conn_is_idle(conn);
}

WEIR_API void weir_engine_closed(weir_conn *conn, const weir_receipt *last, uint64_t now_ns, weir_ending *ending);
void weir_engine_closed(weir_conn *conn, const weir_receipt *last, uint64_t now_ns, weir_ending *ending)
{
    weir_conn_closed(conn, last, now_ns, ending);
}
