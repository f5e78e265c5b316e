"""Compare the jobs of a dry-run with the expected jobs: ``make dry-run EXPECT=...``.

Expected is ``nothing``, or rules, each once, optionally with the number of their jobs: ``"build_cohort=1 report"``. The
sets must be equal: one job more or less is an error, exit code 1.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from hscore.errors import UserError


def main(argv: list[str] | None = None) -> None:
    """Run the comparison from the command line."""
    parser = argparse.ArgumentParser(prog="python -m hscore.dag.expect", description=__doc__.splitlines()[0])
    parser.add_argument("--expect", required=True, help="'nothing', or rules: \"build_cohort=1 report\"")
    parser.add_argument("--plan", required=True, type=Path, help="number of jobs of each rule, from a dry-run (JSON)")
    arguments = parser.parse_args(argv)
    try:
        compare(json.loads(arguments.plan.read_text(encoding="utf-8")), expected(arguments.expect))
    except UserError as error:
        sys.exit(f"error: {error}")
    print("As expected.")


def expected(text: str) -> dict[str, int | None]:
    """Return the rules of ``EXPECT`` with the number of their jobs (None: any).

    Raises:
        UserError: the text is neither ``nothing`` nor a list of rules.
    """
    words = re.split(r"[\s,]+", text.strip())
    if words == ["nothing"]:
        return {}
    rules: dict[str, int | None] = {}
    for word in words:
        match = re.fullmatch(r"([A-Za-z_]\w*)(?:=(\d+))?", word)
        if match is None or match[1] == "nothing" or match[1] in rules:
            raise UserError(
                f"EXPECT: '{word}' is not valid. Write 'nothing', or rules, each once: 'build_cohort=1 report'"
            )
        rules[match[1]] = int(match[2]) if match[2] else None
    return rules


def compare(plan: dict[str, int], rules: dict[str, int | None]) -> None:
    """Raise UserError unless the plan (rule -> number of jobs) contains exactly the expected rules and numbers."""
    unexpected = [f"{rule} ({count})" for rule, count in plan.items() if rule not in rules]
    absent = [rule for rule in rules if rule not in plan]
    different = [
        f"{rule} ({plan[rule]}, not {count})"
        for rule, count in rules.items()
        if count is not None and plan.get(rule, count) != count
    ]
    kinds = (("unexpected", unexpected), ("missing", absent), ("in a different number", different))
    differences = [f"{kind}: {', '.join(rules_of_kind)}" for kind, rules_of_kind in kinds if rules_of_kind]
    if differences:
        raise UserError(f"The jobs differ from the expected ones: {'; '.join(differences)}.")


if __name__ == "__main__":
    main()
