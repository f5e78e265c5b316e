"""Show what a dry-run would run, and write the plan to a file."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import messages

NAMED = 3  # up to this many jobs of one kind are named, more are counted


@dataclass
class Plan:
    """The jobs of a dry-run.

    Attributes:
        names: rule -> reason -> jobs, both in the order of the workflow.
        working: rule -> number of jobs that run a command.
    """

    names: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    working: Counter = field(default_factory=Counter)  # rule -> jobs with a command; a target has none

    def add(self, rule: str, wildcards: dict[str, str], reason: str, command: str | None) -> None:
        """Add one job."""
        self.names.setdefault(rule, {}).setdefault(messages.reason(reason), []).append(messages.about(wildcards))
        self.working[rule] += bool(command)

    def table(self, counts: dict[str, int]) -> str:
        """Return the jobs by rule, in the order of ``counts`` (rule -> number), with the reasons to run them."""
        width = max(map(len, counts))
        lines = [f"{'rule':<{width}}  {'jobs':>6}  why"]
        for rule, count in counts.items():
            kinds = sorted(self.names.get(rule, {}).items(), key=lambda kind: -len(kind[1]))
            why = "; ".join(self._kind(reason, names, alone=len(kinds) == 1) for reason, names in kinds)
            lines.append(f"{rule:<{width}}  {count:>6}  {why}".rstrip())
        return "\n".join(lines)

    @staticmethod
    def _kind(reason: str, names: list[str], alone: bool) -> str:
        """Return one reason with its jobs: by name where they are few and have names."""
        if len(names) <= NAMED and all(names):
            return f"{reason}: {', '.join(sorted(names))}"
        return reason if alone else f"{reason} ({len(names)})"

    def write(self, path: Path) -> None:
        """Write the number of jobs of each rule as JSON, without mere targets; {} when nothing is to be done."""
        path.write_text(json.dumps(dict(+self.working)) + "\n", encoding="utf-8")
