from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from target_odoo import keys


@given(st.text(st.characters(codec=None)))
def test_any_key_comes_back_from_its_external_id(key: str) -> None:
    assert keys.decode(keys.encode(key)) == key


@given(st.text())
def test_an_encoded_key_holds_nothing_that_odoo_refuses_in_a_name(key: str) -> None:
    encoded = keys.encode(key)
    assert encoded.isascii()
    assert not set(encoded) & {" ", ".", '"', "\t", "\n", "\0"}


def test_workspaces_whose_names_begin_alike_do_not_meet() -> None:
    assert not keys.prefix("acme_person", "tag").startswith(keys.prefix("acme", "person"))


def test_a_pattern_matches_its_prefix_only() -> None:
    assert keys.like("a_b%c:person:") == "a\\_b\\%c:person:%"
