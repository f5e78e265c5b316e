"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real test data (several vendors' DICOM, R results); it does not travel with the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared test data (../shared/data) is not on this machine")
    return SHARED_DATA
