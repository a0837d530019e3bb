"""What a step expects is held against what was found, each thing once."""

from scanner.cli.scenarios.expected import Expectation, Found, Wanted, compare
from scanner.errors import Place

HERE = Place("a.yaml", 7)


def wanted(part: str = "alerts", **fields: str) -> Wanted:
    return Wanted(part, fields, HERE)


def found(part: str = "alerts", **fields: str | frozenset[str]) -> Found:
    return Found(part, fields)


OPENED = found(alert="opened", rule="a", owner="ops", token="usdt", spender="dex", severity="high")
OTHER = found(alert="opened", rule="a", owner="ops", token="dai", spender="dex", severity="low")


def differs(expectation: Expectation, *there: Found, complete: bool = True) -> tuple[tuple[str, ...], tuple[str, ...]]:
    difference = compare(expectation, there, complete=complete)
    return difference.expected, difference.found


def test_what_is_not_named_may_be_anything() -> None:
    assert differs(Expectation((wanted(alert="opened", rule="a"),)), OPENED) == ((), ())


def test_one_thing_found_answers_for_one_that_is_wanted() -> None:
    twice = Expectation((wanted(rule="a"), wanted(rule="a")))
    assert differs(twice, OPENED, OTHER) == ((), ())
    assert differs(twice, OPENED) == (("alerts: rule a",), ())


def test_as_many_as_can_be_are_matched_whatever_the_order() -> None:
    loose, strict = wanted(owner="ops"), wanted(token="usdt")
    assert differs(Expectation((loose, strict)), OPENED, OTHER) == ((), ())
    assert differs(Expectation((strict, loose)), OPENED, OTHER) == ((), ())


def test_what_comes_closest_is_shown_beside_what_is_missing() -> None:
    expected, stands = differs(Expectation((wanted(alert="opened", rule="a", severity="critical"),)), OPENED)
    assert expected == ("alerts: alert opened, rule a, severity critical",)
    assert stands == ("alerts: alert opened, rule a, owner ops, token usdt, spender dex, severity high",)


def test_what_has_nothing_in_common_is_not_shown() -> None:
    assert differs(Expectation((wanted(rule="b"),)), OPENED) == (("alerts: rule b",), ())


def test_more_than_is_expected_is_nothing_to_tell_unless_the_part_is_closed() -> None:
    assert differs(Expectation((wanted(token="usdt"),)), OPENED, OTHER) == ((), ())
    closed = Expectation((wanted(token="usdt"),), closed=frozenset({"alerts"}))
    assert differs(closed, OPENED, OTHER) == ((), (str(OTHER),))


def test_a_count_is_of_everything_in_that_part() -> None:
    two = Expectation(counts={"alerts": 2})
    assert differs(two, OPENED, OTHER, found("notices", rule="a")) == ((), ())
    assert differs(two, OPENED) == (("alerts: 2",), ("alerts: 1", str(OPENED)))


def test_what_a_message_says_is_a_part_of_its_text_and_its_rules_are_several() -> None:
    message = found("messages to ops", rule=frozenset({"a", "b"}), says="HIGH: two things\nRevoke them.")
    assert differs(Expectation((wanted("messages to ops", rule="b", says="Revoke"),)), message) == ((), ())
    expected, stands = differs(Expectation((wanted("messages to ops", rule="b", says="Grant"),)), message)
    assert expected == ("messages to ops: rule b, says Grant",)
    assert stands == ("messages to ops: rule a, b, says HIGH: two things",)


def test_an_incomplete_scan_is_a_difference_unless_it_is_expected() -> None:
    assert differs(Expectation(), complete=False) == (("the scan is complete",), ("the scan is incomplete",))
    assert differs(Expectation(complete=False), complete=False) == ((), ())
