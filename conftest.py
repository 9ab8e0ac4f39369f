"""For all tests of the workspace."""

from hypothesis import settings

# A busy machine is no reason to fail.
settings.register_profile("workspace", deadline=None)
settings.load_profile("workspace")
