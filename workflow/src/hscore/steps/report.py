"""Write the report (page, figures, tables) from results.json alone."""

import argparse
from pathlib import Path

from hscore.contracts import results
from hscore.report import write_report
from hscore.report.guidelines import checklist
from hscore.steps import _cli


def work(arguments: argparse.Namespace) -> None:
    """Read results.json, write the report, and print how many guideline items are left to the authors."""
    content = results.read(arguments.results)
    write_report.write(content, arguments.output, arguments.figures, arguments.tables)
    print("\n".join(checklist.counts(content)))


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("report", __doc__)
    parser.add_argument("--results", type=Path, required=True, help="results.json")
    parser.add_argument("--output", type=Path, required=True, help="the HTML page to write")
    parser.add_argument("--figures", type=Path, required=True, help="folder of figures to write (SVG and PDF)")
    parser.add_argument("--tables", type=Path, required=True, help="folder of tables to write (CSV)")
    _cli.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()
