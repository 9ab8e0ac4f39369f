"""The UI API as a route: for what nothing else gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_customerio.routes.route import Cost, Route

if TYPE_CHECKING:
    from tap_customerio.streams.base import CustomerIOStream
    from tap_customerio.streams.sizes import Sizes
    from tap_customerio.tap import TapCustomerIO


class UiApi(Route):
    """Streams of the UI API read it by themselves."""

    name = "ui_api"

    def missing(self, tap: TapCustomerIO) -> str:
        """The token."""
        return "" if tap.ui_api else "set service_account_token to read it through the UI API"

    def cost(self, stream: CustomerIOStream, sizes: Sizes) -> Cost | None:
        """As many calls as the stream expects."""
        calls = stream.calls(sizes)
        return None if calls is None else Cost(calls)


UI_API = UiApi()
