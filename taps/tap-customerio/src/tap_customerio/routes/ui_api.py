"""The UI API as a route: for what nothing else gives."""

from __future__ import annotations

from tap_customerio.readable import Readable
from tap_customerio.routes.route import Route
from tap_customerio.run import Run


class UiApi(Route[Readable]):
    """Streams of the UI API read it by themselves."""

    name = "ui_api"

    def missing(self, run: Run) -> str:
        """The token."""
        return "" if run.ui_api else "set service_account_token to read it through the UI API"


UI_API = UiApi()
