"""Format numbers the same way everywhere: AUC 0.912, 90.6 % (29/32), HR 4.59, p < 0.001, intervals 'low to high'.

Every function takes values as they are in results.json and returns text. None becomes 'not estimable', with its
reason where there is one. ``NBSP`` keeps a number and its unit on one line.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

NBSP = "\u00a0"
MINUS = "\u2212"
NOT_ESTIMABLE = "not estimable"


def decimal(value: float | None, digits: int) -> str:
    """Return ``value`` with a fixed number of decimals and a true minus sign."""
    if value is None:
        return NOT_ESTIMABLE
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def auc(value: float | None) -> str:
    """Return an area under the curve or concordance, 0 to 1, with three decimals."""
    return decimal(value, 3)


def percent(value: float | None) -> str:
    """Return a proportion, 0 to 1, as a percentage with one decimal."""
    return NOT_ESTIMABLE if value is None else f"{decimal(100 * value, 1)}{NBSP}%"


def percent_bare(value: float | None) -> str:
    """Return the same as :func:`percent` without the sign, for interval ends and table columns headed '%'."""
    return NOT_ESTIMABLE if value is None else decimal(100 * value, 1)


def ratio(value: float | None) -> str:
    """Return a hazard ratio with two decimals; above 1000 (separation) only its order of magnitude."""
    if value is not None and value > 1000:
        return f">{NBSP}1000"
    return decimal(value, 2)


def months(value: float | None) -> str:
    """Return a time in months with one decimal."""
    return decimal(value, 1)


def p_value(value: float | None) -> str:
    """Return '< 0.001' or three decimals; never 'p = 0' and never '1.000'."""
    if value is None:
        return NOT_ESTIMABLE
    if value < 0.001:
        return f"<{NBSP}0.001"
    return f">{NBSP}0.999" if value > 0.999 else f"{value:.3f}"


def p_equation(value: float | None) -> str:
    """Return 'p = 0.012' or 'p < 0.001', for running text and figures."""
    text = p_value(value)
    if value is None:
        return f"p {text}"
    return f"p{NBSP}{text}" if text[0] in "<>" else f"p{NBSP}={NBSP}{text}"


def interval(low: float | None, high: float | None, write: Callable[[float | None], str]) -> str:
    """Return 'low to high'; an open end (a survival median whose limit is not reached) is 'not reached'."""
    if low is None and high is None:
        return NOT_ESTIMABLE
    ends = [("not reached" if end is None else write(end)) for end in (low, high)]
    return f"{ends[0]}{NBSP}to{NBSP}{ends[1]}"


def interval_ends(entry: Mapping[str, Any], write: Callable[[float | None], str]) -> str:
    """Return '0.861 to 0.963' for an entry with ``low`` and ``high``; percentages without their sign."""
    return interval(entry.get("low"), entry.get("high"), percent_bare if write is percent else write)


def not_estimable_text(entry: Mapping[str, Any] | None) -> str:
    """Return 'not estimable: reason' for an entry without an estimate."""
    reason = (entry or {}).get("why")
    return f"{NOT_ESTIMABLE}: {reason}" if reason else NOT_ESTIMABLE


def estimate(entry: Mapping[str, Any] | None, write: Callable[[float | None], str]) -> str:
    """Return '0.912 (0.861 to 0.963)', or 'not estimable: reason'."""
    if not entry or entry.get("estimate") is None:
        return not_estimable_text(entry)
    if entry.get("low") is None and entry.get("high") is None:
        return f"{write(entry['estimate'])} (interval {not_estimable_text(entry)})"
    return f"{write(entry['estimate'])} ({interval_ends(entry, write)})"


def estimate_at_level(entry: Mapping[str, Any], write: Callable[[float | None], str], level: float) -> str:
    """Return '0.912 (95 % interval 0.861 to 0.963)', or 'not estimable: reason'."""
    if entry.get("estimate") is None or (entry.get("low") is None and entry.get("high") is None):
        return estimate(entry, write)
    return f"{write(entry['estimate'])} ({confidence(level)} interval {interval_ends(entry, write)})"


def metric_name(metric: str) -> str:
    """Return 'missing ADC' for 'missing_adc', a key of the image-quality metrics."""
    return metric.replace("_", " ").replace("adc", "ADC")


def confidence(level: float) -> str:
    """Return '95 %' for 0.95."""
    return f"{100 * level:g}{NBSP}%"


def count(n: int, noun: str) -> str:
    """Return '1 patient' or '35 patients'."""
    return f"{n:,}{NBSP}{noun if n == 1 else noun + 's'}"


# Format of each measure of results.json, by its key.
WRITERS: dict[str, Callable[[float | None], str]] = {
    "auc": auc,
    "sensitivity": percent,
    "specificity": percent,
    "accuracy": percent,
    "ppv": percent,
    "npv": percent,
    "hazard_ratio": ratio,
    "concordance": auc,
    "median_high": months,
}


def join_words(words: Sequence[str]) -> str:
    """Return 'a', 'a and b' or 'a, b and c'."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
