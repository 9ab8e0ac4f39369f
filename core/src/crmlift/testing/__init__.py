"""What a target's own tests need: an in-memory CRM and the conformance suite."""

import contextlib

with contextlib.suppress(ModuleNotFoundError):
    import pytest

    # Its failures should show values as those of the inheriting test module do.
    pytest.register_assert_rewrite("crmlift.testing.conformance")
