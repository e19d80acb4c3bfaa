"""An engine for the tests that build for real.

Without one they are skipped on a laptop, and fail where MULTISTAGE_REQUIRE_ENGINE=1.
"""

import os

import pytest

from helpers.engine import connect
from helpers.errors import NoEngine


@pytest.fixture(scope="session")
def engine():
    try:
        return connect()
    except NoEngine as error:
        if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1":
            raise
        pytest.skip(str(error))
