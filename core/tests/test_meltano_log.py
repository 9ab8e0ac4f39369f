"""What a failed pipeline says: the reason, not the end of Meltano's log."""

from __future__ import annotations

from crmlift.meltano_log import Tail, failure, news

AT = "2026-11-22T15:43:12.773199Z"
WRONG_KEY = f"""\
{AT} [info     ] tap-customerio Beginning sync of 'workspaces' in full_table mode
{AT} [error    ] tap-customerio An unhandled error occurred while syncing 'workspaces'
╭──────────── \x1b[1mError details\x1b[0m ─╮
│ \x1b[2m175 \x1b[0m raise self._error(call, response) │
╰─────────────────────────────╯
\x1b[1mUnauthorized: \x1b[0mGET /v1/workspaces: HTTP 401

{AT} [error    ] tap-customerio GET /v1/workspaces: HTTP 401: wrong key. plugin_exc_type=Unauthorized
{AT} [info     ] crmlift-scope Reader 'crmlift-scope' completed processing 1 lines of input.
{AT} [error    ] meltano      Extractor failed
{AT} [error    ] meltano      Block run completed
{AT} [error    ] meltano      Task exception was never retrieved
{AT} [info     ] meltano      Run completed
"""


def test_a_failure_is_told_by_what_the_plugin_said():
    assert failure(WRONG_KEY) == ("tap-customerio: GET /v1/workspaces: HTTP 401: wrong key.", "")


def test_a_missing_setting_is_told_with_the_variable_that_sets_it():
    log = f"""\
{AT} [error    ] tap-customerio Config validation failed
{AT} [error    ] tap-customerio 'app_api_key' is a required property
{AT} [error    ] tap-customerio 'app_api_key' is a required property
"""
    assert failure(log) == (
        "tap-customerio lacks the setting 'app_api_key'.",
        "Fill in TAP_CUSTOMERIO_APP_API_KEY in .env.",
    )


def test_an_end_without_a_reason_is_told_by_its_last_lines_without_frames():
    log = "╭─ Traceback ─╮\n│ line 481 │\n╰─────╯\nValueError: no JSON\n\n"
    assert failure(log) == ("ValueError: no JSON", "")


def test_news_are_streams_and_tries_again():
    assert news(f"{AT} [info     ] tap-customerio Beginning sync of 'people' in full_table mode") == (
        "Reading people"
    )
    assert news(f"{AT} [info     ] tap-customerio try 2 failed, again in 1.8 s: GET /v1/x: HTTP 503") == (
        "Reading: try 2 failed, again in 1.8 s: GET /v1/x: HTTP 503"
    )
    assert news(f"{AT} [info     ] tap-customerio METRIC metric_value=0") is None


def test_a_tail_gives_the_latest_news_once(tmp_path):
    log = tmp_path / "log"
    log.write_text("Beginning sync of 'people' in full_table mode\nBeginning sync of 'seg")
    tail = Tail(log)
    assert tail.latest() == "Reading people"
    assert tail.latest() is None
    with log.open("a") as file:
        file.write("ments' in full_table mode\n")
    assert tail.latest() == "Reading segments"
    tail.close()
