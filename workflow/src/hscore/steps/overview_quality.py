"""Write a centre's page of montages and image-quality metrics, outliers first."""

from argparse import Namespace
from pathlib import Path

from hscore.contracts import batch_record, quality, same_patients
from hscore.files import new_file
from hscore.imaging.quality.indicators import METRICS
from hscore.report.page import quality_page
from hscore.steps import _cli


def main(argv: list[str] | None = None) -> None:
    """Run the step from the command line."""
    parser = _cli.parser("overview_quality", __doc__)
    parser.add_argument("--center", required=True, help="the centre's name as in its patients' folders")
    parser.add_argument("--name", required=True, help="the centre's name as the page shows it")
    parser.add_argument(
        "--data", required=True, choices=["simulated", "own"], help="whether the patients are simulated"
    )
    parser.add_argument("--quality", required=True, type=Path, nargs="+", help="records of the quality step")
    parser.add_argument("--same-patients", required=True, type=Path, help="file of the compare_patients step")
    parser.add_argument("--output", required=True, type=Path, help="page to write (HTML)")
    _cli.run(work, parser.parse_args(argv))


def work(arguments: Namespace) -> None:
    """Read, render, write."""
    folders = batch_record.read(arguments.quality)
    patients = [quality.read(folder) for folder in folders.values()]
    montages = {patient: quality.read_montage(folder) for patient, folder in folders.items()}
    pictures = {patient: montage for patient, montage in montages.items() if montage is not None}
    page = quality_page.render(
        arguments.name,
        arguments.data == "simulated",
        patients,
        pictures,
        quality_page.sharing_in_words(arguments.center, same_patients.read(arguments.same_patients)),
        METRICS,
    )
    with new_file(arguments.output) as path:
        path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
