#include "exchange/body.h"

weir_body weir_body_none(void)
{
    return (weir_body){.kind = WEIR_BODY_NONE, .fd = -1};
}

weir_body weir_body_borrow(weir_str octets)
{
    return (weir_body){.kind = WEIR_BODY_BORROW, .fd = -1, .octets = octets};
}

weir_body weir_body_copy(weir_str octets)
{
    return (weir_body){.kind = WEIR_BODY_COPY, .fd = -1, .octets = octets};
}

weir_body weir_body_file(int fd, uint64_t offset, uint64_t length)
{
    return (weir_body){.kind = WEIR_BODY_FILE, .fd = fd, .offset = offset, .length = length};
}

weir_body weir_body_stream(void)
{
    return (weir_body){.kind = WEIR_BODY_STREAM, .fd = -1};
}

weir_body weir_body_sized(uint64_t length)
{
    return (weir_body){.kind = WEIR_BODY_SIZED, .fd = -1, .length = length};
}

weir_body weir_body_tunnel(void)
{
    return (weir_body){.kind = WEIR_BODY_TUNNEL, .fd = -1};
}

bool exchange_body_valid(const weir_body *body)
{
    switch (body->kind) {
    case WEIR_BODY_BORROW:
    case WEIR_BODY_COPY:
        return body->octets.ptr != NULL || body->octets.len == 0;
    case WEIR_BODY_FILE:
        return body->fd >= 0 && body->length <= INT64_MAX;
    case WEIR_BODY_SIZED:
        return body->length <= INT64_MAX;
    case WEIR_BODY_NONE:
    case WEIR_BODY_STREAM:
    case WEIR_BODY_TUNNEL:
        return true;
    default:
        return false;
    }
}

uint64_t exchange_body_length(const weir_body *body)
{
    switch (body->kind) {
    case WEIR_BODY_BORROW:
    case WEIR_BODY_COPY:
        return body->octets.len;
    case WEIR_BODY_FILE:
    case WEIR_BODY_SIZED:
        return body->length;
    default:
        return 0;
    }
}
