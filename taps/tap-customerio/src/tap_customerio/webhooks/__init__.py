"""Reporting webhooks: events from now on, kept in files as they arrive, read by the tap when it runs.

`python -m tap_customerio.webhooks` (or `tap-customerio-webhooks`) receives; needs the extra `webhooks`.
"""
