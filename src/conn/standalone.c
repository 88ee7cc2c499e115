/* weir/conn.h for those who bring their own I/O: configs and engines that are allocated one by one. */
#include "base/alloc.h"
#include "base/list.h"
#include "conn/conn.h"

struct standalone {
    struct weir_conn conn;
    void *owner;
};

struct standalone_config {
    struct weir_conn_config config;
    uint64_t last_id;
};

static void wake(struct weir_conn *conn)
{
    struct standalone *engine = BASE_CONTAINER(conn, struct standalone, conn);
    if (conn->config->options.wake != NULL)
        conn->config->options.wake(engine->owner);
}

/* An older caller's options may end before it. */
static weir_allocator allocator_of(const weir_conn_options *options)
{
    size_t needed = offsetof(weir_conn_options, allocator) + sizeof options->allocator;
    return base_allocator(options != NULL && options->size >= needed ? &options->allocator : NULL);
}

weir_code weir_conn_config_new(weir_conn_config **out, const weir_conn_options *options, weir_error *error)
{
    *out = NULL;
    weir_allocator allocator = allocator_of(options);
    struct standalone_config *made = base_alloc_zero(&allocator, sizeof *made);
    if (made == NULL) {
        if (error != NULL)
            *error = (weir_error){.code = WEIR_CODE_no_memory, .text = "no memory for the engines' options"};
        return WEIR_CODE_no_memory;
    }
    weir_code code = conn_config_init(&made->config, options, 0, error);
    if (code != WEIR_OK) {
        base_release(&allocator, made, sizeof *made);
        return code;
    }
    made->config.wake = wake;
    *out = &made->config;
    return WEIR_OK;
}

void weir_conn_config_free(weir_conn_config *config)
{
    if (config == NULL)
        return;
    weir_allocator allocator = config->meter.allocator;
    struct standalone_config *made = BASE_CONTAINER(config, struct standalone_config, config);
    conn_config_fini(config);
    base_release(&allocator, made, sizeof *made);
}

uint64_t weir_conn_config_memory(const weir_conn_config *config)
{
    return sizeof(struct standalone_config) + exchange_config_memory(config);
}

weir_code weir_conn_new(weir_conn **out, weir_conn_config *config, void *owner, uint64_t now_ns)
{
    struct standalone *engine = base_alloc(&config->options.allocator, sizeof *engine);
    *out = NULL;
    if (engine == NULL)
        return WEIR_CODE_no_memory;
    struct standalone_config *made = BASE_CONTAINER(config, struct standalone_config, config);
    conn_init(&engine->conn, config, ++made->last_id, now_ns);
    engine->owner = owner;
    *out = &engine->conn;
    return WEIR_OK;
}

void weir_conn_free(weir_conn *conn)
{
    if (conn == NULL)
        return;
    weir_allocator allocator = conn->config->options.allocator;
    struct standalone *engine = BASE_CONTAINER(conn, struct standalone, conn);
    conn_fini(conn);
    base_release(&allocator, engine, sizeof *engine);
}
