"""What strangers write stays text."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.hostile import LONGEST, dead_line, disguised, harmless, quoted

ATTACKS = [
    "https://evil.example/claim",
    "HTTP://EVIL.EXAMPLE",
    "ftp://user:pass@evil.example",
    "www.evil.example",
    "evil.example",
    "t.me/claim",
    "visit claim-usdc.xyz now!!!",
    "ＥＶＩＬ．ＣＯＭ",
    "evil。com",
    "evil｡com",
    "evil․com",
    "evil\u200b.\u200bcom",
    "evil\u2060.com",
    "ev\u00adil.com",
    "https\u200b://evil.com",
    "https:／／evil.com",
    "https：//evil.com",
    ":////evil.com",
    "evil[.]com",
    "evil[[.]].com",
    "[.].[.].[.]",
    "@everyone",
    "＠here",
    "﹫channel",
    "<!channel>",
    "<@U012AB3CD>",
    "<https://evil.com|Uniswap>",
    "[Uniswap](https://evil.com)",
    "![x](https://evil.com/p.png)",
    "<a href='https://evil.com'>Uniswap</a>",
    "<script>alert(1)</script>",
    "&lt;b&gt;bold&lt;/b&gt;",
    "**bold** __under__ ~~gone~~ `code` ||spoiler||",
    "```\nref 123\n```",
    "# heading",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.com\x07link\x1b]8;;\x07",
    "\u202egnp.exe",
    "\u2066\u2067isolate\u2069",
    "safe\r\nSeverity: low\r\nref 42",
    "line\u2028two\u2029three\u0085four",
    "tab\there\x00null\x7fdel",
    "\ufeffbom",
    "\U000e0041\U000e0042tagged",
    "Uni\ufe0fswap",
    "\u3164",
    "\u2800\u2800",
    "\u200b\u200c\u200d",
    "Uniswap” (verified and safe) “",
    'Uniswap" : trusted',
    '=HYPERLINK("https://evil.com","x")',
    "mailto:someone@evil.com",
    "someone@evil.com",
    "javascript:alert(1)",
    "\\\\evil.com\\share",
    "U̷̧̨̢̡͙͕̹̣̦̦̙̜͚̼͌͐̍̌ṇ̷i",
    "a" * 500,
    "a.b" * 100,
    "x" * 60 + ".com.evil.net",
    "<" * 200,
    "@" * 64,
    "\ud800\udfff",
    "﷽" * 64,
    "🏴\U000e0067\U000e0062\U000e007f",
    "ﷺ@ﷺ.com",
    "/start@evil_bot",
    "$PEPE and $1INCH",
    ":white_check_mark: safe",
    "tel:+14155550123",
    "call +1 (415) 555-0123",
    "4111 1111 1111 1111",
    "1.2.3.4:8080",
    "AW-0123456789",
    "x" * 59 + "1234567a",
    "x" * 60 + " a:b",
]

PIECES = [*'<>[]().@:/_*~$#"“…\u0338\u0301\u200b\x1b \n-+', "://", "[.]", "AW-", *"0123456789ab.com"]
TEXTS = st.text(max_size=200) | st.lists(st.sampled_from(PIECES) | st.characters(), max_size=150).map("".join)


def is_dead(text: str) -> bool:
    """Whether nothing in a text can act, hide or reach beyond itself."""
    return (
        0 < len(text) <= LONGEST
        and not re.search(r"[<>@&{}*~`|\\#/\"“”\n\r\t]", text)
        and not re.search(r"[\w-]\.(?:[^\W\d_]{2}|xn--)|\d+(\.\d+){3}", text)
        and not re.search(r"(?<![^\W_])_|_(?![^\W_])", text)
        and not re.search(r"[A-Za-z]:[^\s…]|\$\w|(?i:\bAW-[0-9A-F])", text)
        and not re.search(r"(?<!\w)(?:\d[ ().-]*){6}\d(?!\w)", re.sub(r"\d{4}-\d\d-\d\d", "", text))
        and not re.search(r"\[(?!\.\])|(?<!\[\.)\]", text)
        and not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in text)
        and text == text.strip()
    )


@pytest.mark.parametrize("text", ATTACKS, ids=ascii)
def test_an_attack_becomes_dead_text(text: str) -> None:
    dead = harmless(text)
    assert dead is None or is_dead(dead)
    assert harmless(dead) == dead


@given(TEXTS)
def test_any_text_becomes_dead_text(text: str) -> None:
    dead = harmless(text)
    assert dead is None or is_dead(dead)


@given(TEXTS)
def test_dead_text_comes_through_again_unchanged(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("Uniswap V3: Router 2", "Uniswap V3: Router 2"),
        ("1inch v5", "1inch v5"),
        ("Ünïswap ✓ 交易所 Биржа 🦄", "Ünïswap ✓ 交易所 Биржа 🦄"),
        ("O'Reilly & Co.", "O'Reilly + Co."),
        ("evil.com", "evil[.]com"),
        ("evil[.]com", "evil[.]com"),
        ("https://evil.com/x", "https: ∕∕evil[.]com∕x"),
        ("a@b", "a(at)b"),
        ("two\nlines", "two lines"),
        ("USD\u200bT", "USDT"),
        ("ＵＳＤＴ", "USDT"),
        ("<b>", "‹b›"),
        ("e.g. v1.25 of U.S. notes", "e.g. v1.25 of U.S. notes"),
        ("ETH/USDC 0.05%", "ETH∕USDC 0.05%"),
        ("Router:V3", "Router: V3"),
        ("$PEPE", "$ PEPE"),
        ("cold_wallet __init__", "cold_wallet ˍˍinitˍˍ"),
        ("+1 (415) 555-0123", "+1'415'555'0123"),
        ("1234567", "1'234'567"),
        ("2026-11-20 08:00", "2026-11-20 08:00"),
        ("2026-11-20 555-0123", "2026-11'20'555'0123"),
        ("0x1234567890abcdef", "0x1234567890abcdef"),
    ],
)
def test_an_honest_name_can_still_be_read(text: str, dead: str) -> None:
    assert harmless(text) == dead


@pytest.mark.parametrize("text", [None, "", "   ", "\u200b", "\u3164 \u2800", "\x00\x1b", "\ufe0f\u034f"])
def test_a_name_with_nothing_visible_is_no_name(text: str | None) -> None:
    assert harmless(text) is None
    assert quoted(text) == "no name"


def test_what_is_too_long_is_cut_and_says_so() -> None:
    assert harmless("a" * 64) == "a" * 64
    assert harmless("a" * 65) == "a" * 63 + "…"


def test_a_cut_brings_nothing_to_life() -> None:
    for tail in ("1234567a", "a:b", "evil.community", ":ab:c", "1.2.3.4.5"):
        for length in range(50, 66):
            dead = harmless("x" * (length - 1) + " " + tail)
            assert dead is not None
            assert is_dead(dead), dead
            assert harmless(dead) == dead


@given(TEXTS, st.integers(8, 90))
def test_a_line_of_any_length_is_dead_and_stays_so(text: str, longest: int) -> None:
    line = dead_line(text, longest)
    assert len(line) <= longest
    assert dead_line(line, longest) == line


def test_a_hundred_kilobytes_take_no_time() -> None:
    began = time.monotonic()
    for text in ("a" * 100_000, "1 " * 50_000 + "a", ":" * 100_000, "a:" * 50_000, "\u0338" * 100_000, "1." * 50_000):
        assert len(dead_line(text, 400)) <= 400
    assert time.monotonic() - began < 1


def test_a_cut_never_leaves_half_a_broken_dot() -> None:
    for length in range(55, 66):
        dead = harmless("a" * length + ".com")
        assert dead is not None
        assert is_dead(dead)


def test_a_tower_of_marks_is_cut_down() -> None:
    assert harmless("U" + "\u0323\u0338" * 30 + "ni") == "Ụ\u0338\u0338\u0338ni"


@given(TEXTS)
def test_a_quoted_name_cannot_end_its_quotation_marks(text: str) -> None:
    said = quoted(text)
    if said != "no name":
        assert (said.count("“"), said.count("”"), said[0], said[-1]) == (1, 1, "“", "”")


@pytest.mark.parametrize("name", ["USD\u0422", "\u0391AVE", "US\u200bDC", "USDC\u202e", "\u00adUSDT", "ΞTH"])
def test_a_name_that_hides_what_it_is_is_disguised(name: str) -> None:
    assert disguised(name)


@pytest.mark.parametrize(
    "name", [None, "", "USDT", "USD\u20ae0", "\u0420\u0423\u0411", "caf\u00e9", "\u6cf0\u8fbeUSDT"]
)
def test_a_name_of_one_script_with_whatever_signs_is_honest(name: str | None) -> None:
    assert not disguised(name)
