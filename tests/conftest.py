"""What several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real clips and speech; tests that need it skip with a word where it is absent."""
    folder = os.environ.get("TFG_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("TFG_TEST_DATA does not name the folder of test clips")
    return Path(folder)
