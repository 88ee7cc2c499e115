#include "exchange/config.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sized.h"
#include "exchange/engine.h"

#define EXCHANGES_KEEP_MAX 256
#define ENGINES_KEEP_MAX   256
#define TRIMMED_KEEP       2

static weir_code refuse_as(weir_error *error, weir_code code, const char *text)
{
    if (error != NULL) {
        *error = (weir_error){.code = code};
        snprintf(error->text, sizeof error->text, "%s", text);
    }
    return code;
}

static weir_code refuse(weir_error *error, const char *text)
{
    return refuse_as(error, WEIR_CODE_bad_option, text);
}

static void put_date(struct weir_conn_config *config, int64_t second)
{
    config->date_second = second;
    memcpy(config->date_line, "Date: ", 6);
    http_date_format(config->date_line + 6, second);
    memcpy(config->date_line + 6 + HTTP_DATE_SIZE, "\r\n", 2);
}

weir_code exchange_config_init(struct weir_conn_config *config, const weir_conn_options *options, size_t engine_size,
                               size_t exchange_size, weir_error *error)
{
    if (options == NULL || options->size == 0)
        return refuse(error, "engine options: `size` is 0: make them with WEIR_CONN_OPTIONS");
    memset(config, 0, sizeof *config);
    if (!base_sized_in(&config->options, sizeof config->options, options, options->size))
        return refuse_as(error, WEIR_CODE_unsupported,
                         "engine options: one is set that Weir " WEIR_VERSION " does not have");
    const weir_handler *handler = config->options.handler;
    if (handler == NULL)
        return refuse(error, "engine options: `handler` is null: one made with WEIR_HANDLER is needed");
    if (handler->size == 0)
        return refuse(error, "handler: `size` is 0: make it with WEIR_HANDLER");
    if (!base_sized_in(&config->handler, sizeof config->handler, handler, handler->size))
        return refuse_as(error, WEIR_CODE_unsupported,
                         "handler: a callback is set that Weir " WEIR_VERSION " does not have");
    config->handler.size = sizeof config->handler;
    config->serves = &config->handler;
    if (config->options.role == WEIR_ROLE_SERVER && config->handler.head == NULL)
        return refuse(error, "handler: `head` is null: a server needs it to answer");
    if (config->options.server_name.len > 0 && !weir_field_value_valid(config->options.server_name))
        return refuse(error, "engine options: `server_name` is not a valid field value");
    weir_code code = weir_limits_resolve(&config->options.limits, error);
    if (code == WEIR_OK)
        code = base_connection_memory_resolve(&config->options.connection_memory_max, error);
    if (code != WEIR_OK)
        return code;

    config->options.allocator = base_meter_init(&config->meter, &config->options.allocator);
    config->lenient = config->options.lenient || (config->options.role == WEIR_ROLE_CLIENT && !config->options.strict);
    const weir_limits *limits = &config->options.limits;
    config->head_limits = (struct http_head_limits){
        .line_size_max = limits->request_line_size_max,
        .head_size_max = limits->head_size_max,
        .field_count_max = limits->field_count_max,
    };
    const weir_allocator *allocator = &config->options.allocator;
    base_blocks_init(&config->blocks, allocator);
    base_slab_init(&config->exchanges, allocator, exchange_size > 0 ? exchange_size : sizeof(struct weir_exchange),
                   EXCHANGES_KEEP_MAX);
    base_slab_init(&config->heads, allocator, sizeof(struct exchange_head), EXCHANGES_KEEP_MAX);
    base_slab_init(&config->engines, allocator, engine_size, ENGINES_KEEP_MAX);
    config->unix_time = config->options.unix_time;
    config->unix_time_app = config->options.app;
    put_date(config, INT64_MIN);
    config->seed = (uint64_t)(uintptr_t)config * UINT64_C(0x9e3779b97f4a7c15) | 1;
    return WEIR_OK;
}

void exchange_config_fini(struct weir_conn_config *config)
{
    base_slab_fini(&config->engines);
    base_slab_fini(&config->heads);
    base_slab_fini(&config->exchanges);
    base_blocks_fini(&config->blocks);
}

void exchange_config_trim(struct weir_conn_config *config)
{
    base_slab_trim(&config->blocks.small, TRIMMED_KEEP);
    base_slab_trim(&config->blocks.large, TRIMMED_KEEP);
    base_slab_trim(&config->exchanges, TRIMMED_KEEP);
    base_slab_trim(&config->heads, TRIMMED_KEEP);
    base_slab_trim(&config->engines, TRIMMED_KEEP);
}

uint64_t exchange_config_memory(const struct weir_conn_config *config)
{
    return config->meter.held - base_slab_kept(&config->blocks.small) - base_slab_kept(&config->blocks.large) -
           base_slab_kept(&config->exchanges) - base_slab_kept(&config->heads) - base_slab_kept(&config->engines);
}

weir_str exchange_config_date_line(struct weir_conn_config *config)
{
    if (config->unix_time == NULL)
        return (weir_str){.ptr = NULL};
    int64_t second = config->unix_time(config->unix_time_app);
    if (second != config->date_second)
        put_date(config, second);
    return (weir_str){.ptr = config->date_line, .len = EXCHANGE_DATE_LINE_SIZE};
}
