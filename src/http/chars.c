#include "http/chars.h"

#define IS_DIGIT(c) ((c) >= '0' && (c) <= '9')
#define IS_ALPHA(c) (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z' && (c) < 0x80)
#define IS_HEX(c)   (IS_DIGIT(c) || (IS_ALPHA(c) && ((c) | 0x20) <= 'f'))
#define IS_BLANK(c) ((c) == ' ' || (c) == '\t')
#define IS_TOKEN_MARK(c)                                                                                               \
    ((c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || (c) == '&' || (c) == '\'' || (c) == '*' || (c) == '+' ||  \
     (c) == '-' || (c) == '.' || (c) == '^' || (c) == '_' || (c) == '`' || (c) == '|' || (c) == '~')
#define IS_NAME_MARK(c)                                                                                                \
    ((c) == '-' || (c) == '.' || (c) == '_' || (c) == '~' || (c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' ||  \
     (c) == '(' || (c) == ')' || (c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')

#define ONE(c)                                                                                                         \
    (uint8_t)((IS_ALPHA(c) || IS_DIGIT(c) || IS_TOKEN_MARK(c) ? HTTP_CHAR_TOKEN : 0) |                                 \
              ((c) == '\t' || ((c) >= 0x20 && (c) != 0x7f) ? HTTP_CHAR_VALUE : 0) |                                    \
              ((c) > 0x20 && (c) < 0x7f && (c) != '#' ? HTTP_CHAR_TARGET : 0) |                                        \
              (IS_ALPHA(c) || IS_DIGIT(c) || IS_NAME_MARK(c) ? HTTP_CHAR_NAME : 0) | (IS_HEX(c) ? HTTP_CHAR_HEX : 0) | \
              (IS_DIGIT(c) ? HTTP_CHAR_DIGIT : 0) |                                                                    \
              (IS_ALPHA(c) || IS_DIGIT(c) || (c) == '+' || (c) == '-' || (c) == '.' ? HTTP_CHAR_SCHEME : 0) |          \
              (IS_BLANK(c) ? HTTP_CHAR_BLANK : 0))
#define FOUR(c)       ONE(c), ONE((c) + 1), ONE((c) + 2), ONE((c) + 3)
#define SIXTEEN(c)    FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)
#define SIXTY_FOUR(c) SIXTEEN(c), SIXTEEN((c) + 16), SIXTEEN((c) + 32), SIXTEEN((c) + 48)

const uint8_t http_chars[256] = {SIXTY_FOUR(0), SIXTY_FOUR(64), SIXTY_FOUR(128), SIXTY_FOUR(192)};
