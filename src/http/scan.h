/* Runs of octets of one class, sixteen at a time where the machine has it.
 *
 * Each returns the first octet from `at` on, before `end`, that may not be part of the run; `end` if there is none.
 * Nothing at or after `end` is read. The plain forms are the definition; scan_test.c proves the others equal to them.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "http/chars.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#define HTTP_SCAN_WIDE 1
#else
#define HTTP_SCAN_WIDE 0
#endif

#if HTTP_SCAN_WIDE

static inline __m128i http_scan_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Eight to sixteen octets: the first eight and the last, some of them twice. */
static inline __m128i http_scan_load_short(const char *at, const char *end)
{
    __m128i first = _mm_loadl_epi64((const __m128i *)(const void *)at);
    __m128i last = _mm_loadl_epi64((const __m128i *)(const void *)(end - 8));
    return _mm_unpacklo_epi64(first, last);
}

/* Bits of the octets not over `most`, compared without sign. */
static inline __m128i http_scan_up_to(__m128i octets, char most)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(octets, _mm_set1_epi8(most)), octets);
}

/* Octets that end a run in a value; HTAB too, since it is rare and the caller's loop knows it. */
static inline unsigned http_scan_value_stops(__m128i octets)
{
    __m128i stops = _mm_or_si128(http_scan_up_to(octets, 0x1f), _mm_cmpeq_epi8(octets, _mm_set1_epi8(0x7f)));
    return (unsigned)_mm_movemask_epi8(stops);
}

static inline unsigned http_scan_target_stops(const char *at)
{
    __m128i octets = http_scan_load(at);
    __m128i high = _mm_cmpeq_epi8(_mm_max_epu8(octets, _mm_set1_epi8(0x7f)), octets);
    __m128i hash = _mm_cmpeq_epi8(octets, _mm_set1_epi8('#'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(http_scan_up_to(octets, 0x20), high), hash));
}

/* All but letters and `-`: most names are of nothing else, and the table decides on the others. */
static inline unsigned http_scan_name_stops(__m128i octets)
{
    __m128i lower = _mm_or_si128(octets, _mm_set1_epi8(0x20));
    __m128i letters = http_scan_up_to(_mm_sub_epi8(lower, _mm_set1_epi8('a')), 25);
    __m128i run = _mm_or_si128(letters, _mm_cmpeq_epi8(octets, _mm_set1_epi8('-')));
    return (unsigned)_mm_movemask_epi8(run) ^ 0xffffU;
}

#endif

/* A field value: up to its line end, or a control. */
static inline const char *http_scan_value(const char *at, const char *end)
{
#if HTTP_SCAN_WIDE
    while (end - at >= 16) {
        unsigned stops = http_scan_value_stops(http_scan_load(at));
        if (stops == 0) {
            at += 16;
            continue;
        }
        at += __builtin_ctz(stops);
        if (*at != '\t')
            return at;
        at++;
    }
    if (end - at >= 8 && http_scan_value_stops(http_scan_load_short(at, end)) == 0)
        return end;
#endif
    return http_chars_span(at, end, HTTP_CHAR_VALUE);
}

/* A request-target: up to its blank, or what may not stand in one. */
static inline const char *http_scan_target(const char *at, const char *end)
{
#if HTTP_SCAN_WIDE
    while (end - at >= 16) {
        unsigned stops = http_scan_target_stops(at);
        if (stops != 0)
            return at + __builtin_ctz(stops);
        at += 16;
    }
#endif
    return http_chars_span(at, end, HTTP_CHAR_TARGET);
}

/* A field name: up to its colon, or what is not of a token. */
static inline const char *http_scan_name(const char *at, const char *end)
{
#if HTTP_SCAN_WIDE
    while (end - at >= 16) {
        unsigned stops = http_scan_name_stops(http_scan_load(at));
        if (stops == 0) {
            at += 16;
            continue;
        }
        at += __builtin_ctz(stops);
        if (*at == ':')
            return at;
        break;
    }
    if (end - at >= 8 && end - at < 16 && http_scan_name_stops(http_scan_load_short(at, end)) == 0)
        return end;
#endif
    return http_chars_span(at, end, HTTP_CHAR_TOKEN);
}

#endif
