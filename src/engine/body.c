#include <weir/exchange.h>

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
