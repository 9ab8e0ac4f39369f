"""The streams, in the order in which they are read: parents before what points to them."""

from __future__ import annotations

from tap_customerio.streams.activities import Activities
from tap_customerio.streams.base import CustomerIOStream
from tap_customerio.streams.deliveries import Deliveries
from tap_customerio.streams.objects import Objects, ObjectTypes, Relationships
from tap_customerio.streams.people import People
from tap_customerio.streams.segments import SegmentMemberships, Segments

STREAMS: tuple[type[CustomerIOStream], ...] = (
    ObjectTypes,
    Objects,
    People,
    Relationships,
    Segments,
    SegmentMemberships,
    Activities,
    Deliveries,
)

__all__ = ["STREAMS", "CustomerIOStream"]
