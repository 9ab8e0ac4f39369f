from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlift.batch import Batch, Item
from crmlift.hooks.manager import Hooks
from target_odoo.markup import canonical, is_balanced
from target_odoo.placeholders import Placeholders

TO = Placeholders({"email": "email", "job_title": "function"}, "x_cio_attributes")
NAME = "(object.x_cio_attributes or {}).get('first_name')"


@pytest.mark.parametrize(
    ("liquid", "odoo", "left"),
    [
        ("Hello", "Hello", []),
        ("Hi {{ customer.email }}", "Hi {{ object.email }}", []),
        ("{{customer.job_title | upcase}}", "{{ str(object.function or '').upper() }}", []),
        ("{{customer.first_name}}", "{{ " + NAME + " }}", []),
        ("{{customer['first_name']}}", "{{ " + NAME + " }}", []),
        ("{{customer.first_name | default: 'you'}}", "{{ (" + NAME + " or 'you') }}", []),
        ("{% comment %}x{% endcomment %}a", "a", []),
        ("{{trigger.id}}", "{{ '{' + '{' }} trigger.id }}", ["{{ trigger.id }}"]),
        ("{{customer.a.b}}", "{{ '{' + '{' }} customer.a.b }}", ["{{ customer.a.b }}"]),
        (
            "{{customer.at | date: '%Y'}}",
            "{{ '{' + '{' }} customer.at | date: '%Y' }}",
            ["{{ customer.at | date: '%Y' }}"],
        ),
        ("{% unsubscribe_url %}", "{% unsubscribe_url %}", ["{% unsubscribe_url %}"]),
        (
            "{% if customer.email %}a",
            "{% if customer.email %}a",
            ["the whole text: its Liquid cannot be read"],
        ),
    ],
)
def test_a_subject_becomes_an_inline_template(liquid: str, odoo: str, left: list[str]) -> None:
    assert TO.subject(liquid) == (odoo, left)


@pytest.mark.parametrize(
    ("liquid", "odoo", "left"),
    [
        ("<p>{{customer.email}}</p>", '<p><t t-out="object.email"/></p>', []),
        (
            '<a href="https://example.com/?e={{customer.email}}">x</a>',
            '<a t-attf-href="https://example.com/?e={{object.email}}">x</a>',
            [],
        ),
        (
            "{% if customer.email %}<b>a</b>{% else %}c{% endif %}",
            '<t t-if="(object.email is not None and object.email is not False)"><b>a</b></t>'
            '<t t-else="">c</t>',
            [],
        ),
        (
            "{% if customer.email == 'a' or customer.email contains 'b' %}x{% endif %}",
            '<t t-if="(object.email == &#x27;a&#x27; '
            'or &#x27;b&#x27; in (object.email or &#x27;&#x27;))">x</t>',
            [],
        ),
        (
            "{% unless customer.email == 'a' %}x{% endunless %}",
            '<t t-if="not (object.email == &#x27;a&#x27;)">x</t>',
            [],
        ),
        (
            "<style>{{customer.email}}</style>",
            "<style>{{ customer.email }}</style>",
            ["{{ customer.email }}"],
        ),
        ("<p {{customer.email}}>", "<p {{ customer.email }}>", ["{{ customer.email }}"]),
        ("{{ snippets.footer }}", "{{ snippets.footer }}", ["{{ snippets.footer }}"]),
        (
            "{% if customer.email %}<tr>{% endif %}",
            "{% if customer.email %}&lt;tr&gt;{% endif %}",
            ["{% if customer.email %}<tr>{% endif %}"],
        ),
        (
            "{% for i in event.items %}{{i}}{% endfor %}",
            "{% for i in event.items %}{{ i }}{% endfor %}",
            ["{% for i in event.items %}{{ i }}{% endfor %}"],
        ),
        (
            '<a href="{{customer.email}}{{event.id}}">x</a>',
            '<a href="{{ customer.email }}{{ event.id }}">x</a>',
            ["{{ event.id }}", "{{ customer.email }}"],
        ),
    ],
)
def test_a_body_becomes_qweb(liquid: str, odoo: str, left: list[str]) -> None:
    assert TO.body(liquid) == (odoo, left)


@given(st.text())
def test_any_text_is_translated_or_left(text: str) -> None:
    TO.subject(text)
    TO.body(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", None),
        ("plain", "plain"),
        ("<!DOCTYPE html><html><head><title>t</title></head><body><p>a</p></body></html>", "<p>a</p>"),
        ("<script>x</script><p onclick='y'>a<br>b</p><!-- c -->", "<p>a<br/>b</p>"),
        ("a <b>unclosed", "a <b>unclosed</b>"),
        ("<span>a <b>b</b></span>", "a <b>b</b>"),
        ('<span class="c">a</span>', '<span class="c">a</span>'),
        ("a &amp; b &lt;c&gt; é&nbsp;", "a &amp; b &lt;c&gt; é\xa0"),
        ("<p>x<o:p>y</o:p></p>", "<p>xy</p>"),
        ('<t t-if="a">x</t><t t-else="">y</t>', '<t t-if="a">x</t><t t-else="">y</t>'),
    ],
)
def test_html_has_one_form(text: str, form: str | None) -> None:
    assert canonical(text) == form
    assert canonical(form or "") == form


@pytest.mark.parametrize(
    ("text", "balanced"),
    [("", True), ("a<br>b", True), ("<p>a</p>", True), ("<tr>", False), ("</p>", False), ("<a href=", False)],
)
def test_pieces_of_html_are_whole_or_not(text: str, balanced: bool) -> None:
    assert is_balanced(text) is balanced


def test_the_hook_puts_a_body_into_its_layout_and_touches_no_other_stream() -> None:
    hooks = Hooks({"odoo_templates": {"streams": ["transactional_contents"]}})

    def prepared(stream: str) -> dict[str, object]:
        record = {"subject": "s", "body": "<p>{{trigger.x}}</p>", "layout": "<div>{{ content }}</div>"}
        hooks.prepare(Batch(stream, [Item(record, "1", 1)], ("id",), None))  # type: ignore[arg-type]
        return record

    assert prepared("transactional_contents")["odoo"] == {
        "subject": "s",
        "body": "<div><p>{{ trigger.x }}</p></div>",
        "left": ["{{ trigger.x }}"],
    }
    assert "odoo" not in prepared("newsletter_contents")
