#include "common/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define LOG_LINE_MAX 2048

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * WEIR_SECOND + (uint64_t)now.tv_nsec;
}

static void put(struct text *line, bool json, const char *name, const char *value)
{
    text_printf(line, json ? "\"%s\":" : "%s=", name);
    text_json(line, weir_str_from(value));
    text_printf(line, json ? "," : " ");
}

static void explanation(struct text *line, bool json, weir_code code)
{
    put(line, json, "text", weir_code_text(code));
    if (weir_code_advice(code)[0] != '\0')
        put(line, json, "advice", weir_code_advice(code));
}

static void ending_line(struct log *log, const weir_ending *ending, const weir_verdict *verdict)
{
    char place[LOG_LINE_MAX], record[WEIR_ENDING_TEXT_MAX];
    struct text line = text_fixed(place, sizeof(place));
    bool json = log->json;
    if (json) {
        text_printf(&line, "{\"level\":\"%s\",\"msg\":\"connection ended\",", weir_level_name(verdict->level));
    } else {
        text_printf(&line, "time=");
        text_time(&line);
        text_printf(&line, " level=%s msg=\"connection ended\" ", weir_level_name(verdict->level));
    }
    if (verdict->suppressed > 0)
        text_printf(&line, json ? "\"suppressed\":%" PRIu64 "," : "suppressed=%" PRIu64 " ", verdict->suppressed);
    if (verdict->explain)
        explanation(&line, json, ending->code);
    /* The record follows; of the JSON one without its brace, its `time` serves the line. */
    size_t length = json ? weir_ending_json(record, ending) : weir_ending_logfmt(record, ending);
    text_add(&line, record + json, length - json);
    sink_line(&log->sink, &line);
}

void log_ending(struct log *log, const weir_ending *ending)
{
    static _Thread_local weir_judge judge;
    judge.policy = log->policy;
    uint64_t failures = judge.failures;
    uint64_t held_back = judge.suppressed[ending->judged];
    weir_verdict verdict = weir_judge_ending(&judge, ending, monotonic_ns());
    if (judge.failures > failures)
        atomic_fetch_add(&log->failures, 1);
    if (judge.suppressed[ending->judged] > held_back)
        atomic_fetch_add(&log->held_back, 1);
    if (verdict.level != WEIR_LEVEL_NONE)
        ending_line(log, ending, &verdict);
    if (verdict.abort) {
        sink_flush(&log->sink);
        abort();
    }
}

void log_notice(struct log *log, weir_code code, const char *sentence)
{
    static const weir_level levels[WEIR_CLASS_COUNT] = {
        [WEIR_CLASS_ROUTINE] = WEIR_LEVEL_DEBUG, [WEIR_CLASS_NOTABLE] = WEIR_LEVEL_INFO,
        [WEIR_CLASS_FAULT] = WEIR_LEVEL_WARN,    [WEIR_CLASS_ABUSE] = WEIR_LEVEL_WARN,
        [WEIR_CLASS_BUG] = WEIR_LEVEL_ERROR,
    };
    char place[LOG_LINE_MAX];
    struct text line = text_fixed(place, sizeof(place));
    const char *level = weir_level_name(levels[weir_code_class(code)]);
    text_printf(&line, log->json ? "{\"time\":\"" : "time=");
    text_time(&line);
    text_printf(&line, log->json ? "\",\"level\":\"%s\",\"msg\":" : " level=%s msg=", level);
    text_json(&line, weir_str_from(sentence));
    text_printf(&line, log->json ? ",\"code\":\"%s\"}" : " code=%s", weir_code_name(code));
    sink_line(&log->sink, &line);
}
