"""Legal names for custom fields, in the manner of the target's own."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from crmlift.propose.text import tokens

Style = Literal["snake", "Title_Snake", "camel", "Pascal"]


@dataclass(frozen=True, slots=True)
class FieldNames:
    """How a CRM's custom fields are named; `longest` counts prefix and suffix.

    Words are ASCII letters and digits; a name that has none, or is too long, ends in a digest of the
    attribute, so that two of them stay two.
    """

    prefix: str = "cio_"
    suffix: str = ""
    style: Style = "snake"
    longest: int = 40

    @classmethod
    def like(cls, names: Collection[str]) -> FieldNames:
        """Read the manner off custom fields that a mapping declares."""
        if len(set(names)) < 2:
            return cls()
        suffix = "__c" if all(name.endswith("__c") for name in names) else ""
        stems = [name.removesuffix(suffix) for name in names]
        snake = any("_" in stem for stem in stems)
        # Now and then one is named otherwise.
        usual, _ = Counter(stem.partition("_")[0] for stem in stems).most_common(1)[0]
        stems = [stem for stem in stems if stem.partition("_")[0] == usual] if snake else stems
        prefix = _shared(stems)
        prefix = prefix[: prefix.rfind("_") + 1] if snake else re.sub(r"[A-Z][a-z]*$", "", prefix) or prefix
        rest = [stem.removeprefix(prefix) for stem in stems]
        titled = all(word[:1].isupper() for word in rest if word)
        style: Style = ("Title_Snake" if titled else "snake") if snake else ("Pascal" if titled else "camel")
        return cls(prefix, suffix, style)

    def name(self, attribute: str, taken: Collection[str] = ()) -> str:
        """Return a legal name for an attribute (`Plan name` -> `x_cio_plan_name`) that is not taken."""
        words = [word for word in re.split(r"[^a-z0-9]+", " ".join(tokens(attribute))) if word]
        own = re.sub(r"[^a-z]", " ", self.prefix.lower()).split()
        if len(words) > 1 and own and words[0] == own[-1]:
            words = words[1:]
        whole = self._join(words)
        room = self.longest - len(self.suffix)
        if words and len(whole) <= self.longest and whole not in taken:
            return whole
        digest = hashlib.blake2b(attribute.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        return (
            whole.removesuffix(self.suffix)[: room - 9].rstrip("_")
            + f"_{digest}" * bool(digest)
            + self.suffix
        )

    def _join(self, words: list[str]) -> str:
        if self.style == "snake":
            middle = "_".join(words)
        elif self.style == "Title_Snake":
            middle = "_".join(word.capitalize() for word in words)
        else:
            middle = "".join(word.capitalize() for word in words)
            if self.style == "camel" and not self.prefix:
                middle = middle[:1].lower() + middle[1:]
        return self.prefix + middle + self.suffix


def _shared(names: Collection[str]) -> str:
    """The longest beginning that all names have."""
    first, last = min(names), max(names)
    length = next(
        (n for n, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first)
    )
    return first[:length]
