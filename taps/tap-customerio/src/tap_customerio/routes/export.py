"""The route through exports: opt-in, because each leaves a row in the workspace."""

from __future__ import annotations

from tap_customerio.routes.route import Cost, Route, S
from tap_customerio.run import Run

# Nothing tells how long an export takes; small ones were ready within seconds.
_CALLS, _SECONDS, _ROWS_PER_SECOND = 8, 10, 5000


class Export(Route[S]):
    """One or more CSV files: subclasses say how many, and what their rows become."""

    name = "export"

    def missing(self, run: Run) -> str:
        """The switch."""
        return "" if run.config["exports"] else "exports is not switched on"

    def price(self, exports: int, rows: int = 0) -> Cost:
        """What so many exports cost, with so many rows."""
        return Cost(exports * _CALLS, exports * _SECONDS + rows / _ROWS_PER_SECOND)
