#include <weir/ending.h>

#include <string.h>

struct code_row {
    const char *name;
    const char *text;
    const char *advice;
    uint16_t status;
    uint8_t how, by, usual;
};

static const struct code_row code_rows[WEIR_CODE_MAX] = {
#define X(name, how, by, class, status, h2, text, advice)                                                              \
    [WEIR_CODE_##name] = {#name, text, advice, status, WEIR_HOW_##how, WEIR_BY_##by, WEIR_CLASS_##class},
    WEIR_CODE_TABLE(X)
#undef X
};

bool weir_code_is_known(weir_code code)
{
    return (unsigned)code < WEIR_CODE_MAX && code_rows[code].name != NULL;
}

static const struct code_row *row_of(weir_code code)
{
    static const struct code_row unknown = {.name = "unknown",
                                            .text = "unknown",
                                            .advice = "unknown",
                                            .how = WEIR_HOW_ERROR,
                                            .by = WEIR_BY_SELF,
                                            .usual = WEIR_CLASS_BUG};
    return weir_code_is_known(code) ? &code_rows[code] : &unknown;
}

const char *weir_code_name(weir_code code)
{
    return row_of(code)->name;
}

const char *weir_code_text(weir_code code)
{
    return row_of(code)->text;
}

const char *weir_code_advice(weir_code code)
{
    return row_of(code)->advice;
}

unsigned weir_code_status(weir_code code)
{
    return row_of(code)->status;
}

weir_how weir_code_how(weir_code code)
{
    return (weir_how)row_of(code)->how;
}

weir_by weir_code_by(weir_code code)
{
    return (weir_by)row_of(code)->by;
}

weir_class weir_code_class(weir_code code)
{
    return (weir_class)row_of(code)->usual;
}

weir_code weir_code_find_or(weir_str name, weir_code otherwise)
{
    for (unsigned i = 0; name.len > 0 && i < WEIR_CODE_MAX; i++)
        if (weir_code_is_known((weir_code)i) && strlen(code_rows[i].name) == name.len &&
            memcmp(code_rows[i].name, name.ptr, name.len) == 0)
            return (weir_code)i;
    return otherwise;
}

/* The arrays of a program of 0.1 end where its codes end. */
weir_code(weir_code_find)(weir_str name)
{
    weir_code code = weir_code_find_or(name, WEIR_CODE_END_0_1);
    return code < WEIR_CODE_END_0_1 ? code : WEIR_CODE_END_0_1;
}
