"""The one place that knows how singer-sdk runs a target."""
