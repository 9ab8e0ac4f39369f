"""target-odoo lives the whole life that every target must be able to live."""

from __future__ import annotations

from crmlift.testing.conformance import TargetConformance
from target_odoo.target import TargetOdoo


class TestOdoo(TargetConformance):
    target = TargetOdoo
