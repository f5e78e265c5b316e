"""How numbers are written."""

import pytest

from hscore.report import formatting as f

N = f.NBSP


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f.auc(0.93349), "0.933"),
        (f.auc(1.0), "1.000"),
        (f.auc(-0.0781), "\u22120.078"),
        (f.auc(-0.0001), "0.000"),
        (f.percent(0.90625), f"90.6{N}%"),
        (f.percent(0.0), f"0.0{N}%"),
        (f.ratio(4.586), "4.59"),
        (f.ratio(3.2e6), f">{N}1000"),
        (f.p_value(0.0009999), f"<{N}0.001"),
        (f.p_value(0.001), "0.001"),
        (f.p_value(0.0456), "0.046"),
        (f.p_value(1.0), f">{N}0.999"),
        (f.p_equation(0.02), f"p{N}={N}0.020"),
        (f.p_equation(1e-9), f"p{N}<{N}0.001"),
        (f.p_equation(None), "p not estimable"),
        (f.interval(0.8712, 0.9951, f.auc), f"0.871{N}to{N}0.995"),
        (f.interval(12.0, None, f.months), f"12.0{N}to{N}not reached"),
        (f.interval(None, None, f.auc), "not estimable"),
        (f.confidence(0.95), f"95{N}%"),
        (f.confidence(0.975), f"97.5{N}%"),
        (f.count(1, "patient"), f"1{N}patient"),
        (f.count(1095, "patient"), f"1,095{N}patients"),
    ],
)
def test_written(text, expected):
    assert text == expected


def test_estimate_with_interval_and_percent_sign_once():
    assert f.estimate({"estimate": 0.5, "low": 0.25, "high": 0.75}, f.percent) == f"50.0{N}% (25.0{N}to{N}75.0)"


@pytest.mark.parametrize("write", [f.auc, f.percent, f.ratio, f.months])
def test_nothing_to_write_is_not_estimable_with_its_reason(write):
    assert f.estimate({"estimate": None, "why": "only one class"}, write) == "not estimable: only one class"
    assert f.estimate(None, write) == "not estimable"


def test_an_estimate_without_interval_says_why():
    entry = {"estimate": 1.0, "low": None, "high": None, "why": "variance is zero"}
    assert f.estimate(entry, f.auc) == "1.000 (interval not estimable: variance is zero)"
