"""Prepare the page's rows on the published values and ours."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import endpoint_title, rows_of
from hscore.report.page.page_summary import ours_text

Results = Mapping[str, Any]


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    margins = results["published"]["margins"]
    texts = [
        f"\u00b1{margins['auc']['margin']:g} in AUC",
        f"\u00b1{100 * margins['proportion']['margin']:g} percentage points",
        f"a factor of {margins['hazard_ratio']['margin']:g} in hazard ratios",
    ]
    return {"margins": ", ".join(texts), "verdict_groups": verdict_groups(results), "cohorts": cohorts(results)}


def verdict_groups(results: Results) -> list[dict[str, Any]]:
    """Return the verdict rows by cohort: external, primary (apparent), survival."""
    titles = {
        "external": "External test cohort",
        "apparent": "Primary (development) cohort: published values are apparent",
        "survival": endpoint_title(results),
    }
    groups: dict[str, list] = {title: [] for title in titles.values()}
    for row in results["verdicts"]:
        survival = row["measure"] in ("hazard_ratio", "median_high")
        title = titles["survival" if survival else row["evaluation"]]
        label = row["item"] if survival else f"{row['group'].partition(',')[0]}: {row['label']}"
        additional = ours_text(row, "beside") if row.get("beside") else None
        theirs = row["theirs"]
        known = (
            formatting.interval_ends(theirs, formatting.WRITERS[row["measure"]]) if theirs["low"] is not None else ""
        )
        texts = {"ours_text": ours_text(row), "beside_text": additional, "published_interval": known}
        groups[title].append({**row, "label": label, **texts})
    return [{"title": title, "rows": rows} for title, rows in groups.items() if rows]


def cohorts(results: Results) -> list[dict[str, Any]]:
    """Return published and own cohort sizes."""
    rows = []
    for cohort in results["published"]["cohorts"]:
        evaluation = "external" if cohort["role"] == "external" else "out_of_fold"
        ours = rows_of(results, evaluation)
        rows.append(
            {
                "name": f"{cohort['name'].capitalize()} ({cohort['centers']})",
                "published_n": f"{cohort['patients']:,}",
                "published_positives": cohort["lnm_positive"],
                "n": f"{ours[0]['n']:,}" if ours else "\u2013",
                "positives": ours[0]["positives"] if ours else "\u2013",
            }
        )
    return rows
