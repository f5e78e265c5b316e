"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REFERENCE_DATA = ROOT / "tests" / "references"
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of the test data that is part of the project: R results, phantom, small DICOM series."""
    return REFERENCE_DATA


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real test data (several vendors' DICOM) that is not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data (../shared/data) is not on this machine")
    return SHARED_DATA
