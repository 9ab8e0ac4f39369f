"""For all tests of the workspace."""

import os

from hypothesis import settings

# A busy machine is no reason to fail. HYPOTHESIS_EXAMPLES=2000 looks longer than every run can.
settings.register_profile(
    "workspace", deadline=None, max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "100"))
)
settings.load_profile("workspace")
