#include <string.h>
#include <weir/base.h>

/* Given by the build: ", c-ares" where that is linked. */
#ifndef WEIR_RESOLVER_TEXT
#define WEIR_RESOLVER_TEXT ""
#endif

const char *weir_version(void)
{
    return WEIR_VERSION " (epoll" WEIR_RESOLVER_TEXT ")";
}

weir_str weir_str_from(const char *terminated)
{
    return (weir_str){terminated, strlen(terminated)};
}

bool weir_str_equal(weir_str a, weir_str b)
{
    /* memcmp must not see the null pointer that an empty view may have. */
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Not tolower: that depends on the locale. */
static unsigned char lower(char c)
{
    unsigned char octet = (unsigned char)c;
    return octet >= 'A' && octet <= 'Z' ? (unsigned char)(octet | 0x20) : octet;
}

bool weir_str_equal_nocase(weir_str a, weir_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}
