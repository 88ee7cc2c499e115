#include "profile.h"

#include <stdlib.h>
#include <string.h>

static bool set_limit(struct profile *profile, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t size = equals != NULL ? (size_t)(equals - text) : 0;
    for (const weir_limit_info *info = weir_limits_info(); info->name != NULL; info++) {
        if (size > 0 && strlen(info->name) == size && memcmp(info->name, text, size) == 0) {
            uint64_t value = strtoull(equals + 1, NULL, 10);
            memcpy((char *)&profile->limits + info->offset, &value, sizeof value);
            return true;
        }
    }
    return false;
}

static bool set_option(struct profile *p, const char *option)
{
    static const struct {
        const char *name;
        size_t offset;
    } flags[] = {
        {"fin", offsetof(struct profile, fin)},         {"whole", offsetof(struct profile, whole)},
        {"refuse", offsetof(struct profile, refuse)},   {"stream", offsetof(struct profile, stream)},
        {"trailer", offsetof(struct profile, trailer)}, {"tunnel", offsetof(struct profile, tunnel)},
        {"hints", offsetof(struct profile, hints)},     {"close", offsetof(struct profile, close)},
        {"hold", offsetof(struct profile, hold)},       {"expect", offsetof(struct profile, expect)},
        {"offer", offsetof(struct profile, offer)},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strcmp(option, flags[i].name) == 0)
            return *(bool *)((char *)p + flags[i].offset) = true;
    }
    if (strcmp(option, "answer at head") == 0)
        p->answer = ANSWER_AT_HEAD;
    else if (strcmp(option, "no answer") == 0)
        p->answer = ANSWER_NEVER;
    else if (strncmp(option, "status ", 7) == 0)
        p->status = (unsigned)strtoul(option + 7, NULL, 10);
    else
        return strncmp(option, "limit ", 6) == 0 && set_limit(p, option + 6);
    return true;
}

bool profile_read(struct profile *profile, const struct page_case *c, struct text *log)
{
    *profile = (struct profile){.status = 200};
    for (size_t i = 0; i < c->option_count; i++) {
        const char *option = c->options[i];
        bool strict = strncmp(option, "strict ", 7) == 0, lenient = strncmp(option, "lenient ", 8) == 0;
        bool server = strstr(option, " server") != NULL, client = strstr(option, " client") != NULL;
        if (i == 0 && (strict || lenient) && (server || client)) {
            profile->role = server ? WEIR_ROLE_SERVER : WEIR_ROLE_CLIENT;
            profile->lenient = lenient;
        } else if (i == 0 || !set_option(profile, option)) {
            text_print(log, "wrong in Profile: %s\n", option);
            return false;
        }
    }
    if (profile->refuse) {
        profile->status = 413;
        profile->answer = ANSWER_AT_HEAD;
    }
    if (c->option_count == 0)
        text_print(log, "there is no Profile\n");
    return c->option_count > 0;
}
