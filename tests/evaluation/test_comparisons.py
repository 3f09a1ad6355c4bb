"""The tests of tables 1 and 2, and remission."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from amlsynth.dictionary.model import dictionary
from amlsynth.disclosure.rule import DisclosureRule
from amlsynth.evaluation.comparisons import compare, compare_categories, compare_numbers
from amlsynth.evaluation.survival.response import response_odds, response_rate


@pytest.fixture(scope="module")
def found(split, synthetic):
    return {(c.subject, c.test): c for c in compare(split.train, synthetic, dictionary())}


def test_every_row_of_tables_1_and_2_is_tested(found):
    expected = {
        ("AGE", "Mann-Whitney"),
        ("SEX", "Fisher's exact"),
        ("AMLSTAT=de novo", "Fisher's exact"),
        ("ELN2022", "chi-square"),
        ("ELN2022=adverse", "Fisher's exact"),
        ("NPM1", "Fisher's exact"),
        ("CR1", "logistic regression"),
        ("OS", "Cox regression"),
        ("EFS", "log-rank"),
    }
    assert expected <= set(found)


def test_fisher_agrees_with_scipy(found, split, synthetic):
    tables = [
        [int((frame["SEX"] == sex).sum()) for sex in ("male", "female")] for frame in (synthetic, split.train)
    ]
    comparison = found["SEX", "Fisher's exact"]
    assert comparison.p_value.value == pytest.approx(stats.fisher_exact(tables).pvalue)
    assert comparison.effect.value == pytest.approx(
        tables[0][0] * tables[1][1] / (tables[0][1] * tables[1][0]), abs=1e-3
    )


def test_remission_agrees_with_logistic_regression(found, split, synthetic):
    from statsmodels.discrete.discrete_model import Logit  # each worker would import it
    from statsmodels.tools.tools import add_constant

    ours, theirs = (frame["CR1"].dropna().astype(float).to_numpy() for frame in (split.train, synthetic))
    design = add_constant(np.repeat([0.0, 1.0], [len(ours), len(theirs)]))
    fit = Logit(np.concatenate((ours, theirs)), design).fit(disp=False)
    comparison = found["CR1", "logistic regression"]
    assert comparison.p_value.value == pytest.approx(fit.pvalues[1], rel=1e-4)
    assert [comparison.effect.low, comparison.effect.high] == pytest.approx(
        np.exp(fit.conf_int()[1]).tolist(), abs=1e-3
    )


def test_remission_of_the_paper():
    # Table 2: 1,135 of 1,606 (70.7 %), OR 2.41 (2.16 to 2.68).
    odds = response_odds(1135, 471)
    assert (odds.value, odds.low, odds.high) == (2.41, 2.16, 2.68)
    rate = response_rate(1135, 471)
    assert rate.value == 0.707
    wilson = stats.binomtest(1135, 1606).proportion_ci(method="wilson")
    assert [rate.low, rate.high] == pytest.approx([wilson.low, wilson.high], abs=5e-4)


def test_log_rank_and_cox_agree_on_whether_curves_differ(found):
    assert found["OS", "log-rank"].p_value.value == pytest.approx(
        found["OS", "Cox regression"].p_value.value, abs=0.01
    )


def test_normal_values_are_compared_by_the_t_test():
    ours, theirs = (stats.norm(mean, 2).ppf(np.linspace(0.01, 0.99, 60)) for mean in (10.0, 11.0))
    comparison = compare_numbers("HB", ours, theirs)
    assert comparison.test == "t-test"
    assert comparison.p_value.value == pytest.approx(stats.ttest_ind(theirs, ours).pvalue)
    assert comparison.effect.value == pytest.approx(1.0)
    assert comparison.effect.low < 1 < comparison.effect.high


def test_skewed_values_are_compared_by_mann_whitney():
    ours = np.exp(np.linspace(-3, 3, 50))
    comparison = compare_numbers("WBC", ours, ours * 4)
    assert comparison.test == "Mann-Whitney"
    assert comparison.p_value.value == pytest.approx(stats.mannwhitneyu(ours * 4, ours).pvalue)
    assert 0.5 < comparison.effect.value < 1


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [([1.0], [1.0, 2.0]), ([], []), ([3.0, 3.0, 3.0], [3.0, 3.0]), ([np.nan] * 3, [1.0] * 3)],
)
def test_numbers_that_cannot_be_compared_say_why(ours, theirs):
    p_value = compare_numbers("AGE", np.array(ours), np.array(theirs)).p_value
    assert p_value.value is None and p_value.reason


def test_small_cells_of_the_original_are_not_given_away(make):
    original = make(SEX=["female"] * 3 + ["male"] * 30)
    synthetic = make(SEX=["female"] * 20 + ["male"] * 20)
    (shown,) = (c for c in compare(original, synthetic, dictionary()) if c.subject == "SEX")
    assert shown.p_value.value is not None  # of a simulated cohort
    for first, second in ((original, synthetic), (synthetic, original)):
        found = compare(first, second, dictionary(), rule=DisclosureRule(), protect=True)
        (comparison,) = (c for c in found if c.subject == "SEX")
        assert comparison.p_value.value is None and "fewer than 5" in comparison.p_value.reason
        assert comparison.effect is None


def test_a_variable_assessed_in_one_cohort_only_says_so():
    (comparison,) = compare_categories("SEX", [0, 0], [10, 10], ["female", "male"])
    assert comparison.p_value.reason == "not assessed in the original"
