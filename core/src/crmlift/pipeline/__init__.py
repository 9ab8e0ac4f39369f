"""The way of a record through one run: intake, hooks, mapping, loader, state."""

from crmlift.pipeline.pipeline import Pipeline

__all__ = ["Pipeline"]
