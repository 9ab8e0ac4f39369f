"""Weigh evidence: one sum of log odds per field, turned into confidences that add up to 1.

The weights (`weights.toml`) were fitted on the tuning set by `benchmarks/propose_fit.py`; they are few,
one per kind of evidence and not per field, so that they can be read, and so that nothing is learnt by heart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp
from typing import Any, Literal

from crmlift.propose.evidence import CONSENT, LABELS, NONE, Evidence
from crmlift.propose.lists import data

Band = Literal["sure", "look", "decide"]
Weights = Mapping[str, float]
_SHOWN = 5
_SPEAKS_AGAINST = frozenset(
    {
        # The word that turns it may be one that we do not know.
        *("name_turned", "name_headed", "name_qualified", "name_formed", "name_second"),
        *("value_odd", "value_unlisted_closed", "value_unlisted_open"),
    }
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field, or `none`, with how likely it is (0 to 1) and why."""

    field: str
    confidence: float
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The candidates of an attribute, the best first, and how far to trust the best one."""

    band: Band
    candidates: list[Candidate]

    @property
    def best(self) -> str:
        """The likeliest field, or `none`."""
        return self.candidates[0].field


@cache
def weights(model: str) -> Weights:
    """Return the weights for one set of detectors: `plain`, or `meaning` where that extra is installed."""
    found: dict[str, float] = data("weights.toml")[model]
    return found


@cache
def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = data("weights.toml")["bands"]
    return rules


def scores(evidence: Iterable[Evidence], weight: Weights) -> dict[str, float]:
    """Return the log odds per field: the sum of strength times weight."""
    found = dict.fromkeys(LABELS, 0.0)
    found[NONE] = weight["other_bias"]
    for item in evidence:
        found[item.field] = found.get(item.field, 0.0) + item.strength * weight[item.kind]
    return found


def confidences(evidence: Iterable[Evidence], weight: Weights) -> dict[str, float]:
    """Return how likely each field is; all of them add up to 1."""
    logits = scores(evidence, weight)
    top = max(logits.values())
    odds = {field: exp(value - top) for field, value in logits.items()}
    total = sum(odds.values())
    return {field: value / total for field, value in odds.items()}


def weigh(evidence: list[Evidence], weight: Weights, *, seen: bool = True) -> Verdict:
    """Return the verdict on one attribute; where no value was `seen`, it is never sure."""
    likely = confidences(evidence, weight)
    ranked = sorted(likely, key=lambda field: -likely[field])
    candidates = [
        Candidate(field, round(likely[field], 3), _texts(field, evidence)) for field in ranked[:_SHOWN]
    ]
    band = _band(candidates, evidence)
    return Verdict("look" if band == "sure" and not seen else band, candidates)


def _texts(field: str, evidence: list[Evidence]) -> list[str]:
    return list(dict.fromkeys(item.text for item in evidence if item.field == field)) or (
        ["nothing speaks for a field"] if field == NONE else []
    )


def _band(candidates: list[Candidate], evidence: list[Evidence]) -> Band:
    """`sure` only where name and values agree and nothing speaks against it; consent never."""
    rules, best = _rules(), candidates[0]
    margin = best.confidence - (candidates[1].confidence if len(candidates) > 1 else 0.0)
    kinds = {item.kind for item in evidence if item.field == best.field}
    agreed = kinds & set(rules["agreed"]) and not (kinds & _SPEAKS_AGAINST)
    if best.confidence >= rules["sure"] and agreed and best.field not in CONSENT:
        return "sure"
    # An unknown name shares what is left with all fields, though nothing speaks for any of them.
    enough = rules["look_none" if best.field == NONE else "look"]
    return "look" if best.confidence >= enough and margin >= rules["margin"] else "decide"
