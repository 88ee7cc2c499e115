/* weir/cxx.h: what the macros of the other pages are in C++, from C++11 on: it has no compound literals, and no
 * designators before C++20. They are written as in C, but a field of a struct within the struct is named in full:
 *
 *     weir_serve(WEIR_SERVER(.listen = WEIR_STR(":8080"), .handler = &mine, .limits.idle_timeout_ns = WEIR_SECOND));
 *
 * The order is free. There must be at least one field, and there may be 32. What WEIR_SERVER, WEIR_CLIENT and
 * WEIR_REQUEST point at lives until the end of the full expression. What WEIR_FIELDS shows lives until the same
 * place of the program is passed again on the same thread. WEIR_HANDLER takes functions, not local variables. The
 * other pages include this one. */
#ifndef WEIR_CXX_H
#define WEIR_CXX_H
#ifdef __cplusplus

#include <cstring>

template <class made> inline const made *weir_cxx_at(const made &temporary)
{
    return &temporary;
}

/* WEIR_CXX_EACH(o, .a = 1, .b = 2) is o .a = 1; o .b = 2; */
#define WEIR_CXX_PICK(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, \
                      a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29, a30, a31, a32, name, ...) \
    name
#define WEIR_CXX_1(o, a) o a;
#define WEIR_CXX_2(o, a, ...) o a; WEIR_CXX_1(o, __VA_ARGS__)
#define WEIR_CXX_3(o, a, ...) o a; WEIR_CXX_2(o, __VA_ARGS__)
#define WEIR_CXX_4(o, a, ...) o a; WEIR_CXX_3(o, __VA_ARGS__)
#define WEIR_CXX_5(o, a, ...) o a; WEIR_CXX_4(o, __VA_ARGS__)
#define WEIR_CXX_6(o, a, ...) o a; WEIR_CXX_5(o, __VA_ARGS__)
#define WEIR_CXX_7(o, a, ...) o a; WEIR_CXX_6(o, __VA_ARGS__)
#define WEIR_CXX_8(o, a, ...) o a; WEIR_CXX_7(o, __VA_ARGS__)
#define WEIR_CXX_9(o, a, ...) o a; WEIR_CXX_8(o, __VA_ARGS__)
#define WEIR_CXX_10(o, a, ...) o a; WEIR_CXX_9(o, __VA_ARGS__)
#define WEIR_CXX_11(o, a, ...) o a; WEIR_CXX_10(o, __VA_ARGS__)
#define WEIR_CXX_12(o, a, ...) o a; WEIR_CXX_11(o, __VA_ARGS__)
#define WEIR_CXX_13(o, a, ...) o a; WEIR_CXX_12(o, __VA_ARGS__)
#define WEIR_CXX_14(o, a, ...) o a; WEIR_CXX_13(o, __VA_ARGS__)
#define WEIR_CXX_15(o, a, ...) o a; WEIR_CXX_14(o, __VA_ARGS__)
#define WEIR_CXX_16(o, a, ...) o a; WEIR_CXX_15(o, __VA_ARGS__)
#define WEIR_CXX_17(o, a, ...) o a; WEIR_CXX_16(o, __VA_ARGS__)
#define WEIR_CXX_18(o, a, ...) o a; WEIR_CXX_17(o, __VA_ARGS__)
#define WEIR_CXX_19(o, a, ...) o a; WEIR_CXX_18(o, __VA_ARGS__)
#define WEIR_CXX_20(o, a, ...) o a; WEIR_CXX_19(o, __VA_ARGS__)
#define WEIR_CXX_21(o, a, ...) o a; WEIR_CXX_20(o, __VA_ARGS__)
#define WEIR_CXX_22(o, a, ...) o a; WEIR_CXX_21(o, __VA_ARGS__)
#define WEIR_CXX_23(o, a, ...) o a; WEIR_CXX_22(o, __VA_ARGS__)
#define WEIR_CXX_24(o, a, ...) o a; WEIR_CXX_23(o, __VA_ARGS__)
#define WEIR_CXX_25(o, a, ...) o a; WEIR_CXX_24(o, __VA_ARGS__)
#define WEIR_CXX_26(o, a, ...) o a; WEIR_CXX_25(o, __VA_ARGS__)
#define WEIR_CXX_27(o, a, ...) o a; WEIR_CXX_26(o, __VA_ARGS__)
#define WEIR_CXX_28(o, a, ...) o a; WEIR_CXX_27(o, __VA_ARGS__)
#define WEIR_CXX_29(o, a, ...) o a; WEIR_CXX_28(o, __VA_ARGS__)
#define WEIR_CXX_30(o, a, ...) o a; WEIR_CXX_29(o, __VA_ARGS__)
#define WEIR_CXX_31(o, a, ...) o a; WEIR_CXX_30(o, __VA_ARGS__)
#define WEIR_CXX_32(o, a, ...) o a; WEIR_CXX_31(o, __VA_ARGS__)
#define WEIR_CXX_EACH(o, ...) \
    WEIR_CXX_PICK(__VA_ARGS__, \
                  WEIR_CXX_32, WEIR_CXX_31, WEIR_CXX_30, WEIR_CXX_29, WEIR_CXX_28, WEIR_CXX_27, \
                  WEIR_CXX_26, WEIR_CXX_25, WEIR_CXX_24, WEIR_CXX_23, WEIR_CXX_22, WEIR_CXX_21, \
                  WEIR_CXX_20, WEIR_CXX_19, WEIR_CXX_18, WEIR_CXX_17, WEIR_CXX_16, WEIR_CXX_15, \
                  WEIR_CXX_14, WEIR_CXX_13, WEIR_CXX_12, WEIR_CXX_11, WEIR_CXX_10, WEIR_CXX_9, \
                  WEIR_CXX_8, WEIR_CXX_7, WEIR_CXX_6, WEIR_CXX_5, WEIR_CXX_4, WEIR_CXX_3, \
                  WEIR_CXX_2, WEIR_CXX_1, 0) \
    (o, __VA_ARGS__)

#define WEIR_CXX_MAKE(type, capture, ...) \
    ([capture]() -> type { \
        type weir_made = type(); \
        weir_made.size = sizeof(type); \
        WEIR_CXX_EACH(weir_made, __VA_ARGS__) \
        return weir_made; \
    }())

#endif
#endif
