"""What a list may look like, and what becomes of a row that makes no sense."""

import json
from itertools import product

import pytest

from scanner.context.lists import UnreadableListError
from scanner.context.lists.parsing import parse
from scanner.context.lists.rows import Row, WrongRowError, entry
from scanner.domain.lists import EXPLOITED, TRUSTED, WARNINGS, Copy, Entry, relabelled

ROUTER = "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45"
OTHER = "0x" + "ab" * 20
LOW = ROUTER.lower()


def read(text: str, label: str = "known") -> Copy:
    return parse({"": text.encode()}, label)


def one(text: str, label: str = "known") -> Entry:
    copy = read(text, label)
    assert copy.bad == 0, copy.examples
    [entry] = copy.entries
    return entry


def bad(text: str, label: str = "known") -> str:
    """What is said of the one bad row of a list that has a good one before it."""
    copy = read(text, label)
    assert (len(copy.entries), copy.bad) == (1, 1), copy
    return copy.examples[0]


# Plain addresses.


def test_plain_addresses_stand_one_a_line_and_comments_are_skipped() -> None:
    copy = read(f"# ours\n\n{ROUTER}\n  {OTHER}  # the old one\r\n")
    assert copy == Copy((Entry(LOW, ("known",)), Entry(OTHER, ("known",))))


def test_a_wrong_checksum_is_a_bad_row_with_its_line() -> None:
    typo = ROUTER.replace("A70", "a70")
    assert bad(f"{OTHER}\n\n{typo}\n") == f"line 3: '{typo}' does not fit its EIP-55 checksum: a character is mistyped"


@pytest.mark.parametrize("text", ["0X" + "ab" * 20, "ab" * 20, "0x" + "ab" * 19, "0x" + "zz" * 20])
def test_what_nearly_is_an_evm_address_is_none_of_another_family(text: str) -> None:
    assert "is not an EVM address" in bad(f"{OTHER}\n{text}")


def test_addresses_of_other_families_stay_as_they_are_written() -> None:
    solana, tron = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
    assert [entry.address for entry in read(f"{solana}\n{tron}").entries] == [solana, tron]


def test_the_first_ten_bad_rows_are_shown_and_all_are_counted() -> None:
    copy = read(OTHER + "\n" + "nonsense\n" * 25)
    assert (copy.bad, len(copy.examples)) == (25, 10)
    assert copy.examples[0].startswith("line 2: ")


# CSV.


def test_columns_are_found_by_name_in_any_order_and_others_are_ignored() -> None:
    text = f'\ufeffName,note,ADDRESS,chain\r\n"Router, new",x,{ROUTER},Ethereum\r\n'
    assert one(text) == Entry(LOW, ("known",), "1", "Router, new")


@pytest.mark.parametrize(("chain", "index"), [("bsc", "56"), ("56", "56"), ("BNB Smart Chain", "56"), ("", None)])
def test_a_chain_is_a_name_or_a_chain_index(chain: str, index: str | None) -> None:
    assert one(f"address,chain\n{ROUTER},{chain}\n").chain == index


@pytest.mark.parametrize(("number", "index"), [("1", "1"), ("1313161554", "1313161554"), ("501", "501")])
def test_an_eip_155_id_is_mapped_and_kept_where_no_chain_has_it(number: str, index: str) -> None:
    assert one(f"address,chain_id\n{ROUTER},{number}\n").chain == index


def test_the_address_of_an_eip_155_chain_is_an_evm_address() -> None:
    text = f"address,chain_id\n{OTHER},1\nEPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v,501\n"
    assert "is not an EVM address" in bad(text)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("atlantis,", "unknown chain 'atlantis'"),
        (",scamsniffer", "'scamsniffer' is not an EIP-155 chain id"),
        ("ethereum,56", "two chains"),
    ],
)
def test_a_chain_that_makes_no_sense_makes_a_bad_row(cells: str, said: str) -> None:
    assert said in bad(f"address,chain,chain_id\n{OTHER},,\n{ROUTER},{cells}\n")


def test_chain_and_id_may_say_the_same() -> None:
    assert one(f"address,chain,chain_id\n{ROUTER},base,8453\n").chain == "8453"


def test_a_comma_that_nobody_quoted_makes_a_bad_row() -> None:
    assert "more cells than columns" in bad(f"name,address\nSwap,{OTHER}\nSwap, Inc.,{ROUTER}\n")


def test_a_row_that_ends_early_says_nothing_of_the_rest() -> None:
    assert one(f"address,chain,name\n{ROUTER}\n") == Entry(LOW, ("known",))


def test_a_quotation_mark_that_is_never_closed_costs_the_list_and_not_the_rows_behind_it() -> None:
    with pytest.raises(UnreadableListError, match="never closed"):
        read(f'address,name\n{OTHER},"open\n{ROUTER},Swap\n')


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(UnreadableListError, match="two of its columns are called address"):
        read(f"address,address\n{ROUTER},{OTHER}\n")


def test_a_row_of_blanks_or_a_comment_is_no_row() -> None:
    assert one(f"# by hand\naddress,name\n,\n# next\n{ROUTER},Swap\n").name == "Swap"


# Labels.


def test_a_rows_own_label_adds_to_the_lists() -> None:
    assert one(f"address,label\n{ROUTER},Exploited\n").labels == ("exploited", "known")


def test_a_label_of_several_words_is_a_description_and_no_label() -> None:
    entry = one(f"address,label\n{ROUTER},Uniswap V3: Router 2\n")
    assert (entry.labels, entry.name) == (("known",), "Uniswap V3: Router 2")


@pytest.mark.parametrize(("label", "own"), [("trusted", ""), ("known", "trusted"), ("Trusted", "")])
def test_a_trusted_row_has_to_name_its_chain(label: str, own: str) -> None:
    text = f"address,chain,label\n{OTHER},base,{own}\n{ROUTER},,{own}\n"
    assert "a trusted address has to name its chain" in bad(text, label)


def test_a_risk_factor_takes_the_lists_blessing_away() -> None:
    copy = read(f"address,chain_id,risk_factors\n{ROUTER},1,deprecated\n{OTHER},1,\n")
    assert [entry.labels for entry in copy.entries] == [(), ("known",)]


@pytest.mark.parametrize("label", ["known", "trusted", "partner"])
def test_a_risk_factor_of_an_exploit_says_exploited_and_names_it(label: str) -> None:
    text = f"address,chain_id,label,risk_factors\n{ROUTER},1,good,deprecated;exploit:Swap Hack\n"
    assert one(text, label) == Entry(LOW, ("exploited",), "1", None, "Swap Hack")


# JSON.


def test_json_arrays_hold_texts_or_objects() -> None:
    items = [ROUTER, {"address": OTHER, "chainId": 56, "name": "Swap", "label": "router"}, {"address": OTHER}]
    assert read(json.dumps(items)).entries == (
        Entry(LOW, ("known",)),
        Entry(OTHER, ("known", "router"), "56", "Swap"),
        Entry(OTHER, ("known",)),
    )


@pytest.mark.parametrize("item", [7, None, [], {"name": "Swap"}, {"address": OTHER, "chain": True}])
def test_an_item_that_is_no_address_is_a_bad_row(item: object) -> None:
    assert bad(json.dumps([ROUTER, item])).startswith("item 2: ")


@pytest.mark.parametrize("text", ["{}", '{"addresses": 3}', "[1", "[" * 5000, "\n", "\ufeff", '["\\ud83d"]'])
def test_json_of_another_form_is_no_list(text: str) -> None:
    with pytest.raises(UnreadableListError):
        read(text)


# Incidents.

INCIDENT = {
    "name": "Swap Hack",
    "date": "2023-04-09",
    "amount": 3.5,
    "addresses": [{"chainId": 1, "address": ROUTER}, {"chainId": 1313161554, "address": ROUTER}],
}


def test_an_incident_file_labels_its_addresses_and_names_itself() -> None:
    assert read(json.dumps(INCIDENT), "exploited").entries == (
        Entry(LOW, ("exploited",), "1", None, "Swap Hack (2023-04-09)"),
        Entry(LOW, ("exploited",), "1313161554", None, "Swap Hack (2023-04-09)"),
    )


def test_a_file_of_a_folder_that_is_no_json_is_one_bad_row() -> None:
    copy = parse({"a.json": json.dumps(INCIDENT).encode(), "b.json": b"<html>", "c.json": b'{"x": 1}'}, "exploited")
    assert (len(copy.entries), copy.bad) == (2, 2)
    assert [example.partition(":")[0] for example in copy.examples] == ["b.json", "c.json"]


def test_what_strangers_wrote_is_dead_in_the_examples() -> None:
    copy = read(f"{OTHER}\n<a href='https://swap.example'>\x1b[31m@everyone\n")
    assert not set("<>@\x1b") & set(copy.examples[0])
    assert "https://" not in copy.examples[0]


def test_text_that_is_not_utf_8_is_no_list() -> None:
    with pytest.raises(UnreadableListError, match="UTF-8"):
        parse({"": b"address\n\xff\xfe"}, "known")


def test_a_web_page_is_no_list_even_with_addresses_on_lines_of_their_own() -> None:
    with pytest.raises(UnreadableListError, match="a web page"):
        read(f"\ufeff\n<!doctype html>\n<td>\n{ROUTER}\n{OTHER}\n</td>")


def test_a_line_that_no_csv_reader_takes_is_one_bad_row() -> None:
    assert "a text this long is no address" in bad(f"{'a' * 200_000}\n{OTHER}")


@pytest.mark.parametrize("factor", ["exploit:Big Hack", "EXPLOIT:Big Hack", "Exploit: Big Hack"])
def test_an_exploit_is_one_in_capitals_too(factor: str) -> None:
    found = one(f"address,risk_factors\n{ROUTER},{factor}")
    assert (found.labels, found.incident) == (("exploited",), "Big Hack")


@pytest.mark.parametrize(
    "text",
    [
        f"address,riskFactors\n{OTHER},deprecated",
        f"Address,RISKFACTORS\n{OTHER},deprecated",
        json.dumps([{"address": OTHER, "riskFactors": "deprecated"}]),
    ],
)
def test_risk_factors_are_found_by_their_other_name_too(text: str) -> None:
    assert one(text).labels == ()


# Another label, while the list cannot be read.

ROWS = [
    Row(LOW, chain=chain, label=own, risk_factors=factors)
    for chain, own, factors in product(
        (None, "ethereum"),
        (None, "known", "exploited", "drainer", "trusted"),
        (None, "exploit:Bridge", "mint"),
    )
]


@pytest.mark.parametrize(("was", "label"), [*product(("known", "trusted", "mine", "drainer", "exploited"), repeat=2)])
def test_a_new_label_loses_no_warning_and_adds_no_good_news_that_the_list_would_not_tell(was: str, label: str) -> None:
    tried = 0
    for row in ROWS:
        try:
            kept, told = entry(row, was), set(entry(row, label).labels)
        except WrongRowError:
            continue
        now = set(relabelled(kept, was, label).labels)
        tried += 1
        assert now & WARNINGS >= told & WARNINGS, row
        assert EXPLOITED in now or now - WARNINGS <= told - WARNINGS, row
        if row.label is None and row.risk_factors is None and was not in WARNINGS:
            assert now == told
    assert tried > 5


def test_a_row_without_a_chain_is_not_trusted_by_a_new_label() -> None:
    assert relabelled(Entry(LOW, ("known", "mine")), "known", TRUSTED).labels == ("mine",)
    assert relabelled(Entry(LOW, ("known",), "1"), "known", TRUSTED).labels == (TRUSTED,)
