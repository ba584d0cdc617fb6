"""docs/reference/cli.md is what ``--help`` says."""

from __future__ import annotations

from tests.docs import cli_page


def test_the_page_is_the_help() -> None:
    page = cli_page.PAGE.read_text("utf-8") if cli_page.PAGE.exists() else ""
    # Where lines break is click's business, and may change with its version.
    assert page.split() == cli_page.render().split(), (
        "write docs/reference/cli.md anew: scripts/docs"
    )
