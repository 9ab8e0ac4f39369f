"""Walk a condition's tree for a target, which says each leaf in its own terms, and count what is lost.

A leaf that cannot be said is left out. That widens an `and` and narrows an `or`, so the whole is partial
then; with nothing left it is to be built by hand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from crmlift.handoff import words
from crmlift.handoff.advice import Exactness, Fields, Segment
from crmlift.handoff.conditions import All, AnyOf, Compare, Did, InSegment, Node, Not

T = TypeVar("T")


class Translator(ABC, Generic[T]):
    """Makes a `T` of a tree; after `translate`, `lost` says what it does not do."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.lost: list[str] = []
        self._inside: list[str] = []

    def translate(self, node: Node) -> T | None:
        """Return the translation, or None where nothing of it can be said."""
        match node:
            case All() if not node.of:
                return self.everybody()
            case All() | AnyOf():
                parts = [self.translate(one) for one in node.of]
                said = [part for part in parts if part is not None]
                if not said:
                    return None
                return self.all_of(said) if isinstance(node, All) else self.any_of(said)
            case Not():
                inner = self.translate(node.of)
                return None if inner is None else self.negation(inner)
            case Compare():
                return self._kept(node, self._compare(node))
            case Did():
                return self._kept(node, self.did(node))
            case InSegment():
                return self._segment(node)
        return self._kept(node, None)

    @property
    def exactness(self) -> Exactness:
        """How far the last translation goes, if there is one."""
        return Exactness.PARTIAL if self.lost else Exactness.EXACT

    def lose(self, what: str) -> None:
        """Say once what is not as in Customer.io."""
        if what not in self.lost:
            self.lost.append(what)

    def lose_negation(self, test: Compare) -> None:
        """Say that those without the attribute are left out of a negated comparison."""
        self.lose(
            f"Customer.io does not publish whom “{words.condition(test)}” takes in where {test.field} "
            "is not set; here they are left out. Compare the counts."
        )

    def _compare(self, test: Compare) -> T | None:
        if not test.known or test.owner != "person":
            return None
        said = self.compare(test)
        if said is None or not test.inverse:
            return said
        self.lose_negation(test)
        present = self.compare(Compare(field=test.field, operator="exists"))
        return None if present is None else self.all_of([self.negation(said), present])

    def _kept(self, node: Node, said: T | None) -> T | None:
        if said is None:
            self.lose(f"Left out: {words.condition(node)}.")
        return said

    def _segment(self, node: InSegment) -> T | None:
        """A segment in a segment: by its own rule if it has one, else by who is in it now."""
        inner = self.fields.segments.get(node.id)
        if inner is None or node.id in self._inside:
            return self._kept(node, None)
        if inner.dynamic and inner.tree is not None:
            self._inside.append(node.id)
            said = self.translate(inner.tree)
            self._inside.pop()
            return said
        return self._kept(node, self.members(inner))

    @abstractmethod
    def everybody(self) -> T:
        """Everybody."""

    @abstractmethod
    def all_of(self, parts: list[T]) -> T:
        """All of several; there is at least one."""

    @abstractmethod
    def any_of(self, parts: list[T]) -> T:
        """Any of several; there is at least one."""

    @abstractmethod
    def negation(self, part: T) -> T:
        """Not this."""

    @abstractmethod
    def compare(self, test: Compare) -> T | None:
        """A person's attribute compared, its `inverse` aside; `lose` what is not as in Customer.io."""

    @abstractmethod
    def did(self, did: Did) -> T | None:
        """Something that people did."""

    @abstractmethod
    def members(self, segment: Segment) -> T | None:
        """Who was in a segment when it was loaded."""
