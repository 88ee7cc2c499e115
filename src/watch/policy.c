#include <weir/policy.h>

#include <string.h>

/* Sampled classes say so many lines a second and worker: enough to see what goes on, too few to fill a disk. */
#define SAMPLED_PER_SECOND 10

static const weir_policy production = {
    .classes =
        {
            [WEIR_CLASS_ROUTINE] = {.level = WEIR_LEVEL_NONE},
            [WEIR_CLASS_NOTABLE] = {.level = WEIR_LEVEL_INFO, .per_second = SAMPLED_PER_SECOND},
            [WEIR_CLASS_FAULT] = {.level = WEIR_LEVEL_WARN},
            [WEIR_CLASS_ABUSE] = {.level = WEIR_LEVEL_WARN, .per_second = SAMPLED_PER_SECOND},
            [WEIR_CLASS_BUG] = {.level = WEIR_LEVEL_ERROR},
        },
};

static const weir_policy test = {
    .classes =
        {
            [WEIR_CLASS_ROUTINE] = {.level = WEIR_LEVEL_NONE},
            [WEIR_CLASS_NOTABLE] = {.level = WEIR_LEVEL_INFO},
            [WEIR_CLASS_FAULT] = {.level = WEIR_LEVEL_ERROR, .fail = true},
            [WEIR_CLASS_ABUSE] = {.level = WEIR_LEVEL_WARN},
            [WEIR_CLASS_BUG] = {.level = WEIR_LEVEL_ERROR, .fail = true, .abort = true},
        },
};

static const weir_policy development = {
    .classes =
        {
            [WEIR_CLASS_ROUTINE] = {.level = WEIR_LEVEL_DEBUG, .explain = true},
            [WEIR_CLASS_NOTABLE] = {.level = WEIR_LEVEL_INFO, .explain = true},
            [WEIR_CLASS_FAULT] = {.level = WEIR_LEVEL_WARN, .explain = true},
            [WEIR_CLASS_ABUSE] = {.level = WEIR_LEVEL_WARN, .explain = true},
            [WEIR_CLASS_BUG] = {.level = WEIR_LEVEL_ERROR, .explain = true, .abort = true},
        },
};

const weir_policy *weir_policy_find(weir_str name)
{
    static const struct {
        const char *name;
        const weir_policy *policy;
    } profiles[] = {{"production", &production}, {"test", &test}, {"development", &development}};

    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        if (strlen(profiles[i].name) == name.len && memcmp(profiles[i].name, name.ptr, name.len) == 0)
            return profiles[i].policy;
    return NULL;
}

const char *weir_level_name(weir_level level)
{
    static const char *const names[] = {"none", "debug", "info", "warn", "error"};
    return (size_t)level < sizeof(names) / sizeof(names[0]) ? names[level] : "unknown";
}

/* Programs built with 0.1 end their list with what WEIR_CODE_COUNT was then. */
static bool ends_list(weir_code code)
{
    return code == WEIR_OK || code == WEIR_CODE_END_0_1 || (unsigned)code >= WEIR_CODE_MAX;
}

static const weir_rule *rule_for(const weir_policy *policy, const weir_ending *ending, weir_class judged)
{
    const weir_code_rule *own = policy->codes;
    for (; own != NULL && !ends_list(own->code); own++)
        if (own->code == ending->code)
            return &own->rule;
    return &policy->classes[judged];
}

/* True if one more line of the class may be said in this second. */
static bool take_line(weir_judge *judge, weir_class judged, uint32_t per_second, uint64_t now_ns)
{
    uint64_t second = now_ns / 1000000000;
    if (per_second == 0)
        return true;
    if (judge->second[judged] != second) {
        judge->second[judged] = second;
        judge->said[judged] = 0;
    }
    if (judge->said[judged] >= per_second)
        return false;
    judge->said[judged]++;
    return true;
}

weir_verdict weir_judge_ending(weir_judge *judge, const weir_ending *ending, uint64_t now_ns)
{
    weir_class judged = (unsigned)ending->judged < WEIR_CLASS_COUNT ? ending->judged : WEIR_CLASS_BUG;
    const weir_rule *rule = rule_for(judge->policy, ending, judged);
    if (rule->fail)
        judge->failures++;
    weir_verdict verdict = {.explain = rule->explain, .abort = rule->abort};
    if (rule->level == WEIR_LEVEL_NONE)
        return verdict;
    if (!take_line(judge, judged, rule->per_second, now_ns)) {
        judge->suppressed[judged]++;
        return verdict;
    }
    verdict.level = rule->level;
    verdict.suppressed = judge->suppressed[judged];
    judge->suppressed[judged] = 0;
    return verdict;
}
