/* A build without a resolver's library: names are not resolved, and whoever asks is told why. */
#include "io/address.h"
#include "io/resolve_internal.h"

weir_code io_lookup_new(struct io_lookup **out, struct io_resolver *resolver, weir_str name_servers, weir_error *error)
{
    (void)resolver;
    *out = NULL;
    if (name_servers.len != 0)
        return io_fail(error, WEIR_CODE_unsupported, 0,
                       "name servers are set, and this build has no resolver (c-ares)");
    return WEIR_OK;
}

void io_lookup_free(struct io_lookup *lookup)
{
    (void)lookup;
}

void io_lookup_ask(struct io_lookup *lookup, struct io_name *name)
{
    (void)lookup;
    for (int i = 0; i < IO_FAMILIES; i++)
        io_family_answer(&name->families[i], IO_ANSWER_FAILED, WEIR_CODE_resolve_failed,
                         "this build has no resolver (c-ares): numeric addresses and localhost only");
}

void io_lookup_drop(struct io_lookup *lookup)
{
    (void)lookup;
}
