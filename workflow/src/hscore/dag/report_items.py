"""Give each figure and table its place, label and caption in Snakemake's own report (``snakemake --report``)."""

from hscore.report import registry


def subject(wildcards) -> str:
    """Return the category of the figure or table that ``wildcards`` name."""
    return _item(wildcards).subject


def kind(wildcards) -> str:
    """Return the subcategory: 'Figures' or 'Tables'."""
    return f"{_kind(wildcards)}s".capitalize()


def labels(wildcards) -> dict[str, str]:
    """Return the label of the figure or table."""
    return {"What": _item(wildcards).title}


class Captions:
    """Give the caption templates access to the registry, as a param of the rule.

    Snakemake renders a template with the params of the rule. It does not compare params of this type between runs, and
    prints them as this text.
    """

    def __str__(self) -> str:
        return "see hscore.report.registry"

    def of(self, wildcards) -> str:
        """Return the caption of the figure or table that ``wildcards`` name."""
        return _item(wildcards).caption


def _kind(wildcards) -> str:
    return next(kind for kind in registry.ITEMS if kind in dict(wildcards.items()))


def _item(wildcards) -> registry.Item:
    kind = _kind(wildcards)
    return registry.ITEMS[kind][wildcards[kind]]
