/* Structs that carry their size: a program built with an older header has a shorter one, one built with a newer
 * header a longer one. What one side does not have is zero. */
#ifndef BASE_SIZED_H
#define BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Copies a program's struct into ours. Our `size` field is left as the program's: set it. False when a field is set
 * that we do not have: a wish is refused (`unsupported`) rather than forgotten. */
static inline bool base_sized_in(void *ours, size_t our_size, const void *theirs, size_t their_size)
{
    size_t common = their_size < our_size ? their_size : our_size;
    memcpy(ours, theirs, common);
    memset((char *)ours + common, 0, our_size - common);
    for (size_t i = common; i < their_size; i++)
        if (((const char *)theirs)[i] != 0)
            return false;
    return true;
}

/* Copies ours into a program's struct of `their_size` octets. Its first field, the size, is kept. */
static inline void base_sized_out(void *theirs, size_t their_size, const void *ours, size_t our_size)
{
    size_t common = their_size < our_size ? their_size : our_size;
    if (their_size <= sizeof(size_t))
        return;
    memcpy((char *)theirs + sizeof(size_t), (const char *)ours + sizeof(size_t), common - sizeof(size_t));
    memset((char *)theirs + common, 0, their_size - common);
}

#endif
