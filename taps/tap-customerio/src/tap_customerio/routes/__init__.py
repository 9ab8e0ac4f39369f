"""Routes: the several ways to read one stream. The records are the same, whichever way they came.

A stream names its routes in the class attribute `routes`, the usual one first; the setting `routes` (or
the cost of each, for `auto`) picks one. A new way to read is one more subclass of `Route`.
"""

from __future__ import annotations

from tap_customerio.routes.export import Export
from tap_customerio.routes.route import API, Choice, Cost, Route
from tap_customerio.routes.ui_api import UI_API
from tap_customerio.routes.warehouse import Warehouse

__all__ = ["API", "UI_API", "Choice", "Cost", "Export", "Route", "Warehouse"]
