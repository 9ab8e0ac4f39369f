"""What to rebuild in Cardfile, which has tags and no automations."""

from __future__ import annotations

from collections.abc import Mapping

from crmlift.handoff.advice import Advice, Exactness, Fields, Segment
from crmlift.handoff.journey import Journey


class CardfileAdvisor:
    """Says what a person must do: Cardfile imports nothing."""

    crm = "Cardfile"

    def segment(self, segment: Segment, fields: Fields) -> Advice:
        """The tag is all there is."""
        steps = [f"The tag “{segment.name}” is on those who were in it when it was loaded."]
        return Advice(crm=self.crm, exactness=Exactness.BY_HAND, steps=steps)

    def journey(self, journey: Journey, fields: Fields) -> Advice:
        """Nothing can be built."""
        steps = ["Cardfile has no automations: find another place for it, or do without."]
        return Advice(crm=self.crm, exactness=Exactness.BY_HAND, steps=steps)

    def package(self, artefacts: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
        """There is nothing to import."""
        return {}
