"""target-odoo lives the whole life that every target must be able to live."""

from __future__ import annotations

from crmlift.testing.conformance import TargetConformance
from target_odoo.target import TargetOdoo


class TestOdoo(TargetConformance):
    target = TargetOdoo
    # A 504 would else be given the two minutes that a real server may go on working.
    small_batches = {"batch_size": 10, "server_limit_s": 0}
