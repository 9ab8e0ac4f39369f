"""Streams that come by a service-account token only, through the UI API."""

from __future__ import annotations

from tap_customerio.streams.ui_api.base import UiStream
from tap_customerio.streams.ui_api.journeys import (
    JourneyActions,
    JourneyEdges,
    JourneyNotes,
    Journeys,
    JourneySubjects,
    JourneyVersions,
)
from tap_customerio.streams.ui_api.rules import AttributeCatalogue, EventCatalogue, SegmentRules
from tap_customerio.streams.ui_api.setup import (
    AuditLogs,
    Imports,
    Layouts,
    SendingDomains,
    Suppressions,
    Tags,
    Templates,
)

STREAMS: tuple[type[UiStream], ...] = (
    Tags,
    Layouts,
    Templates,
    SendingDomains,
    SegmentRules,
    AttributeCatalogue,
    EventCatalogue,
    Suppressions,
    Journeys,
    JourneyActions,
    JourneyEdges,
    JourneyNotes,
    JourneyVersions,
    JourneySubjects,
    Imports,
    AuditLogs,
)

__all__ = ["STREAMS", "UiStream"]
