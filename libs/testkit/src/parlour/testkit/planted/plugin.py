"""The pytest plugin that plants a fault in the test's own process; see the package's docstring.

Loaded by `-p parlour.testkit.planted.plugin`, before any conftest; the fault is named by the environment.
"""

import os
import sys

from . import plant
from .interpreter import VARIABLE

FAULT = "PARLOUR_TESTKIT_FAULT"

if FAULT in os.environ:
    plant(os.environ[FAULT])
    sys.executable = os.environ[VARIABLE]
