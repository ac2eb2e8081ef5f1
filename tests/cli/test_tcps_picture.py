"""Tables and facts as people see them: widths, colours, Markdown, and texts that mean mischief."""

import pytest

from erlmcp.cli.tcps.picture import Facts, Table, as_markdown, as_text

ORDERS = Table(("id", "status", "title"), [("WO-1", "in progress", "Short"), ("WO-22", "queued", "日本語 titles!")], 2)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert as_text([ORDERS], None, colour=False) == (
        "id     status       title\nWO-1   in progress  Short\nWO-22  queued       日本語 titles!"
    )


def test_numbers_stand_at_the_right() -> None:
    table = Table(("bucket", "limit"), [("cost", 5), ("features", 10)])
    assert as_text([table], None, colour=False).splitlines()[1:] == ["cost          5", "features     10"]


@pytest.mark.parametrize(
    ("width", "last"),
    [(34, "日本語 titles!"), (33, "日本語 title…"), (28, "日本語 …"), (27, "日本語 …"), (9, "日本語 …")],
)
def test_a_narrow_terminal_cuts_the_elastic_column_and_leaves_eight(width: int, last: str) -> None:
    drawn = as_text([ORDERS], width, colour=False).splitlines()[2]
    assert drawn.removeprefix("WO-22  queued       ") == last


def test_colours_mark_words_of_state_and_nothing_else() -> None:
    table = Table(("title", "status"), [("completed", "completed")])
    assert as_text([table], None, colour=True).splitlines()[1] == "completed  \x1b[32mcompleted\x1b[0m"
    assert "\x1b" not in as_text([table], None, colour=False)


def test_facts_leave_out_what_is_empty_and_indent_what_has_lines() -> None:
    facts = Facts("WO-1", [("status", "queued"), ("assignee", None), ("labels", ""), ("text", "one\ntwo"), ("n", 0)])
    assert as_text([facts], None, colour=False) == "WO-1\n  status  queued\n  text    one\n          two\n  n       0"


def test_a_table_without_rows_says_so() -> None:
    assert as_text([Table(("id",), [], empty="no receipts"), "done"], None, colour=False) == "no receipts\n\ndone"
    assert as_markdown([Table(("id",), [], empty="no receipts")]) == "no receipts"


@pytest.mark.parametrize(
    "mischief", ["\x1b[2J", "\x1b]0;title\x07", "\r", "\x08", "\x9b31m", "\u202e", "\u2066", "\u200f", "\ud800"]
)
def test_what_could_move_a_cursor_or_turn_the_text_round_is_shown_as_what_it_is_not(mischief: str) -> None:
    blocks = [
        Table(("title",), [(f"a{mischief}b",)]),
        Facts(f"a{mischief}b", [("x", f"a{mischief}b")]),
        f"a{mischief}b",
    ]
    for drawn in (as_text(blocks, None, colour=False), as_markdown(blocks)):
        assert not set(mischief) & set("\x1b\x07\r\x08\x9b\u202e\u2066\u200f\ud800") & set(drawn)
        assert "a\N{REPLACEMENT CHARACTER}" in drawn


def test_a_cell_is_one_line() -> None:
    assert as_text([Table(("t",), [("a\nb\tc",)])], None, colour=False).splitlines()[1] == "a b c"


def test_markdown_escapes_its_own_signs() -> None:
    assert as_markdown([Table(("n", "t"), [(1, "a|b_c`d<e>")])]) == (
        "| n | t |\n| ---: | --- |\n| 1 | a\\|b\\_c\\`d\\<e\\> |"
    )
    assert as_markdown([Facts("W", [("a", "b"), ("c", None)])]) == "**W**\n\n| | |\n|---|---|\n| a | b |"
