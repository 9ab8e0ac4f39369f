"""The route through data-warehouse files."""

from __future__ import annotations

from importlib.util import find_spec

from singer_sdk.exceptions import ConfigValidationError

from tap_customerio.routes.route import Cost, Route, S
from tap_customerio.run import Run
from tap_customerio.sizes import Sizes

_ROWS_PER_SECOND = 20_000


class Warehouse(Route[S]):
    """Files of a table, and what they lack beside the App API."""

    name = "warehouse"

    def __init__(self, table: str, counted_as: str = "", lacks: str = "") -> None:
        self.table = table
        self.lacks = lacks
        self._counted_as = counted_as

    def missing(self, run: Run) -> str:
        """The setting, or files of the table.

        Raises ConfigValidationError where there is a path that cannot be read.
        """
        if not run.config.get("warehouse_path"):
            return "warehouse_path is not set"
        if find_spec("pyarrow") is None or find_spec("fsspec") is None:
            raise ConfigValidationError(
                'warehouse_path needs an extra: pip install "tap-customerio[warehouse]"'
            )
        if not run.warehouse.files.get(self.table):
            return f"warehouse_path has no files of {self.table}"
        return ""

    def cost(self, stream: S, sizes: Sizes) -> Cost | None:
        """No calls, and time for so many rows as the workspace counts."""
        del stream
        return Cost(0, (sizes.count(self._counted_as) or 0) / _ROWS_PER_SECOND)
