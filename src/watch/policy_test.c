/* Goal: the built-in profiles act as documented and a budget holds lines back, never counts; method: a fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <weir/policy.h>

#define SECOND UINT64_C(1000000000)

static weir_verdict judge_one(weir_judge *judge, weir_class judged, uint64_t now_ns)
{
    weir_ending ending = {.code = WEIR_CODE_drained, .judged = judged};
    return weir_judge_ending(judge, &ending, now_ns);
}

static void check_profile(weir_str name, const weir_level levels[WEIR_CLASS_COUNT], bool explain, bool bug_aborts)
{
    weir_judge judge = {.policy = weir_policy_find(name)};
    assert_non_null(judge.policy);
    for (unsigned i = 0; i < WEIR_CLASS_COUNT; i++) {
        weir_verdict verdict = judge_one(&judge, (weir_class)i, 0);
        assert_int_equal(verdict.level, levels[i]);
        assert_int_equal(verdict.explain, explain);
        assert_int_equal(verdict.abort, bug_aborts && i == WEIR_CLASS_BUG);
    }
}

static void test_profiles(void **state)
{
    (void)state;
    const weir_level N = WEIR_LEVEL_NONE, D = WEIR_LEVEL_DEBUG, I = WEIR_LEVEL_INFO, W = WEIR_LEVEL_WARN;
    const weir_level E = WEIR_LEVEL_ERROR;
    check_profile(WEIR_STR("production"), (const weir_level[]){N, I, W, W, E}, false, false);
    check_profile(WEIR_STR("test"), (const weir_level[]){N, I, E, W, E}, false, true);
    check_profile(WEIR_STR("development"), (const weir_level[]){D, I, W, W, E}, true, true);
    assert_null(weir_policy_find(WEIR_STR("prod")));
    assert_null(weir_policy_find((weir_str){NULL, 0}));
}

static void test_failures(void **state)
{
    (void)state;
    weir_judge judge = {.policy = weir_policy_find(WEIR_STR("test"))};
    (void)judge_one(&judge, WEIR_CLASS_NOTABLE, 0);
    assert_int_equal(judge.failures, 0);
    (void)judge_one(&judge, WEIR_CLASS_FAULT, 0);
    (void)judge_one(&judge, WEIR_CLASS_FAULT, 0);
    assert_int_equal(judge.failures, 2);
}

static void test_budget(void **state)
{
    (void)state;
    weir_judge judge = {.policy = weir_policy_find(WEIR_STR("production"))};
    uint32_t budget = judge.policy->classes[WEIR_CLASS_NOTABLE].per_second;
    unsigned said = 0;
    for (unsigned i = 0; i < 1000; i++)
        said += judge_one(&judge, WEIR_CLASS_NOTABLE, 5 * SECOND + i).level == WEIR_LEVEL_INFO;
    assert_int_equal(said, budget);
    assert_int_equal(judge_one(&judge, WEIR_CLASS_FAULT, 5 * SECOND).level, WEIR_LEVEL_WARN); /* budgets are apart */
    weir_verdict next = judge_one(&judge, WEIR_CLASS_NOTABLE, 6 * SECOND);
    assert_int_equal(next.level, WEIR_LEVEL_INFO);
    assert_int_equal(next.suppressed, 1000 - budget);
    assert_int_equal(judge_one(&judge, WEIR_CLASS_NOTABLE, 6 * SECOND).suppressed, 0);
}

static void test_code_rule(void **state)
{
    (void)state;
    static const weir_code_rule own[] = {{WEIR_CODE_drained, {.level = WEIR_LEVEL_ERROR, .fail = true}},
                                         {WEIR_OK, {0}},
                                         {WEIR_CODE_idle_timeout, {.level = WEIR_LEVEL_ERROR}}};
    weir_policy policy = *weir_policy_find(WEIR_STR("production"));
    policy.codes = own;
    weir_judge judge = {.policy = &policy};
    assert_int_equal(judge_one(&judge, WEIR_CLASS_ROUTINE, 0).level, WEIR_LEVEL_ERROR);
    assert_int_equal(judge.failures, 1);
    weir_ending other = {.code = WEIR_CODE_idle_timeout, .judged = WEIR_CLASS_ROUTINE};
    assert_int_equal(weir_judge_ending(&judge, &other, 0).level, WEIR_LEVEL_NONE);
    assert_string_equal(weir_level_name(WEIR_LEVEL_WARN), "warn");
    assert_string_equal(weir_level_name((weir_level)42), "unknown");
}

/* What ends a list in programs built with 0.1, and in those that were only compiled again. */
static void test_old_ends_of_lists(void **state)
{
    (void)state;
    static const weir_code ends[] = {WEIR_OK, WEIR_CODE_END_0_1, WEIR_CODE_COUNT, (weir_code)4711};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const weir_code_rule own[] = {{WEIR_CODE_idle_timeout, {.level = WEIR_LEVEL_ERROR}},
                                      {ends[i], {.level = WEIR_LEVEL_WARN}},
                                      {WEIR_CODE_drained, {.level = WEIR_LEVEL_ERROR}}};
        weir_policy policy = *weir_policy_find(WEIR_STR("production"));
        policy.codes = own;
        weir_judge judge = {.policy = &policy};
        assert_int_equal(judge_one(&judge, WEIR_CLASS_ROUTINE, 0).level, WEIR_LEVEL_NONE);
        weir_ending other = {.code = WEIR_CODE_idle_timeout, .judged = WEIR_CLASS_ROUTINE};
        assert_int_equal(weir_judge_ending(&judge, &other, 0).level, WEIR_LEVEL_ERROR);
    }
}

static void test_class_of_a_stranger(void **state)
{
    (void)state;
    weir_judge judge = {.policy = weir_policy_find(WEIR_STR("production"))};
    assert_int_equal(judge_one(&judge, (weir_class)42, 0).level, WEIR_LEVEL_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_code_rule),
        cmocka_unit_test(test_old_ends_of_lists),
        cmocka_unit_test(test_class_of_a_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
