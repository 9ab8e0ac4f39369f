"""The UI API: what Customer.io's own user interface and command line read, and the App API does not give.

First-party, but without a promise of versions: journey graphs, rules of segments, suppressions, the
catalogue of attributes and events, templates. It is only ever read.
"""

from __future__ import annotations

from tap_customerio.ui_api.client import HOSTS, UiClient

__all__ = ["HOSTS", "UiClient"]
