"""What a person reads."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs
from owed import START, WALLET, approval, due

from scanner.delivery.links import transaction_url
from scanner.delivery.messages import compose
from scanner.delivery.words import allowance, changed, one_line, size, token, wallet
from scanner.domain.alerts import AlertState, Move, Severity
from scanner.domain.approvals import Allowance, Approval, Kind, Spender, Status, Target, Token
from scanner.domain.changes import Change, ChangeKind
from scanner.domain.messages import Due, FirstReading, Message, MessageKind

TUSD = Token("0x0000000000085d4780b73119b644ae5ecd22b376", "TUSD")


def told(*dues: Due, budget: int = 4000, readings: dict[str, FirstReading] | None = None) -> list[Message]:
    ids = iter(f"{number:016x}" for number in range(1, 1000))
    return compose(dues, budget, lambda: next(ids), readings or {})


def test_a_message_names_everything_that_is_needed_to_act() -> None:
    before = approval(7, raw=1_000_500_000)
    (message,) = told(due(1, of=approval(7), change=ChangeKind.INCREASED, before=before))
    assert message.title == "HIGH: Unlimited allowance to a spender on no list (treasury, Ethereum)"
    assert message.body.splitlines() == [
        "HIGH: Unlimited allowance to a spender on no list",
        "Wallet: treasury 0xed0c6079229e2d407672a117c22b62064f4a4312 on Ethereum",
        "Spender: “Swap” (name not verified), 0x0000000000000000000000000000000000000007",
        "Token: “USDC”, 0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
        "Allowance: unlimited “USDC”",
        "Changed: raised from 1,000.5 to unlimited, seen 2026-11-20 08:00 UTC",
        "Danger: The spender can take all of it.",
        "Do: Revoke it.",
        "Revoke: https://revoke.cash/address/0xed0c6079229e2d407672a117c22b62064f4a4312?chainId=1",
        "The spender on its explorer: https://etherscan.io/address/0x0000000000000000000000000000000000000007",
        "Alert: AW-0000000001",
        "ref 0000000000000001",
    ]


def test_what_is_not_final_yet_is_told_with_the_transaction_that_granted_it() -> None:
    grant = f"0x{7:064x}"
    (message,) = told(due(1, of=structs.replace(approval(7), final=False, granted_tx=grant)))
    assert (
        "Not final yet: the block that shows it may still be reorganised away; you are told if it is." in message.body
    )
    assert f"The grant on its explorer: https://etherscan.io/tx/{grant}\n" in message.body


@pytest.mark.parametrize(
    ("chain", "transaction"),
    [("1", None), ("1", "0x7"), ("1", f"0x{7:064x}?evil"), ("501", f"0x{7:064x}"), ("?", f"0x{7:064x}")],
)
def test_a_transaction_that_nobody_can_vouch_for_is_not_linked(chain: str, transaction: str | None) -> None:
    assert transaction_url(chain, transaction) is None
    (message,) = told(due(1, of=structs.replace(approval(7), granted_tx="https://evil.example")))
    assert "The grant" not in message.body
    assert "evil" not in message.body
    assert "Not final" not in message.body


def test_alerts_of_one_approval_are_told_together_the_worst_first() -> None:
    row = approval(7)
    (message,) = told(due(1, of=row), due(2, of=row, severity=Severity.CRITICAL, title="It was exploited"))
    assert message.body.startswith("CRITICAL: It was exploited\nHIGH: Unlimited allowance")
    assert message.body.count("Wallet:") == 1
    assert "Alerts, in the order above: AW-0000000002, AW-0000000001" in message.body
    assert message.severity is Severity.CRITICAL


def test_what_ended_before_its_channel_heard_of_it_is_told_shortly() -> None:
    row, later = approval(7), START + timedelta(hours=3)
    one = due(1, what=Move.RESOLVED, of=row, told=False, in_force=False, change=ChangeKind.REVOKED)
    (message,) = told(replace(one, alert=replace(one.alert, state=AlertState.RESOLVED, resolved_at=later)))
    assert (message.kind, message.title.split(":")[0]) == (MessageKind.END, "Opened and ended")
    assert message.body.splitlines() == [
        "OPENED AND ENDED (HIGH): Unlimited allowance to a spender on no list",
        "Wallet: treasury 0xed0c6079229e2d407672a117c22b62064f4a4312 on Ethereum",
        "Spender: “Swap” (name not verified), 0x0000000000000000000000000000000000000007",
        "Token: “USDC”, 0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
        "Allowance: none any more",
        "Changed: revoked, seen 2026-11-20 08:00 UTC",
        "It was so from 2026-11-20 08:00 UTC to 2026-11-20 11:00 UTC, and ended before this could be sent.",
        "Reason: the approval is gone",
        "Alert: AW-0000000001",
        "ref 0000000000000001",
    ]


def test_a_reminder_says_that_it_is_one_and_since_when() -> None:
    (message,) = told(due(1, what=Move.REMINDED))
    assert message.title.startswith("Still open, HIGH: Unlimited allowance")
    assert message.body.startswith("STILL OPEN, HIGH: Unlimited allowance")
    assert "\nOpen since: 2026-11-20 08:00 UTC\n" in message.body
    (several,) = told(due(1, what=Move.REMINDED), due(2, what=Move.REMINDED, severity=Severity.CRITICAL))
    assert several.title == "Still open, CRITICAL: 2 alerts for treasury"
    (mixed,) = told(due(1, what=Move.REMINDED), due(2))
    assert mixed.title == "HIGH: 2 alerts for treasury"


def test_what_grew_worse_before_its_channel_heard_of_it_is_simply_told() -> None:
    (message,) = told(due(1, what=Move.WORSENED, told=False))
    assert message.body.startswith("HIGH: Unlimited")
    (message,) = told(due(1, what=Move.WORSENED))
    assert message.body.startswith("WORSE, NOW HIGH: Unlimited")


def test_a_mixed_end_promises_no_more_than_holds_for_all() -> None:
    ends = due(1, what=Move.RESOLVED), due(2, what=Move.RESOLVED, told=False), due(3, what=Move.UNWATCHED)
    assert [told(*ends[:number])[0].title.split(":")[0] for number in (1, 2, 3)] == [
        "Resolved",
        "Resolved",
        "No longer watched",
    ]


def test_what_is_open_comes_before_what_has_ended_and_what_is_critical_before_both() -> None:
    (message,) = told(
        due(1, what=Move.RESOLVED),
        due(2, severity=Severity.MEDIUM),
        due(3, what=Move.RESOLVED, severity=Severity.CRITICAL),
        due(4, severity=Severity.LOW),
    )
    marks = [line.partition(":")[0] for line in message.body.splitlines() if "Unlimited allowance" in line]
    assert marks == ["RESOLVED (CRITICAL)", "MEDIUM", "LOW", "RESOLVED (HIGH)"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (approval(raw=2**256 - 1), "unlimited “USDC”"),
        (approval(raw=2**96 - 1), "unlimited “USDC”"),
        (approval(raw=1), "0.000001 “USDC”"),
        (approval(raw=12_345_678_000_000), "12,345,678 “USDC”"),
        (approval(raw=2744484, token=TUSD), "2,744,484 raw units of “TUSD” (decimals unknown)"),
        (approval(raw=5, token=Token("0x1", None, 999)), "5 raw units of this token (decimals unknown)"),
        (
            structs.replace(approval(), allowance=Allowance(None, unreadable="1e77 <b>")),
            "cannot be read (the source says “1e77 ‹b›”); treat it as unlimited until you know better",
        ),
        (
            structs.replace(approval(), allowance=Allowance(None)),
            "not known; treat it as unlimited until you know better",
        ),
        (structs.replace(approval(), allowance=Allowance(None, in_words=True)), "unlimited “USDC”"),
        (
            structs.replace(approval(), kind=Kind.ERC1155_ALL),
            "may move every NFT of this collection, “USDC”, that the wallet has or will have",
        ),
        (
            structs.replace(approval(token=Token("0x1", None)), kind=Kind.ERC1155_ALL),
            "may move every NFT of this collection that the wallet has or will have",
        ),
        (structs.replace(approval(), kind=Kind.ERC721, token_id=7), "may move the NFT 7 of “USDC”"),
        (
            structs.replace(approval(token=Token("0x1", None)), kind=Kind.ERC721, token_id=7),
            "may move the NFT 7 of this collection",
        ),
        (structs.replace(approval(), kind=Kind.ERC777), "may move all of “USDC” that the wallet has or will have"),
        (structs.replace(approval(), kind=Kind.ERC6909), "may move all of “USDC” that the wallet has or will have"),
        (structs.replace(approval(raw=5_000_000), kind=Kind.ERC6909, token_id=7), "5,000,000 raw units of “USDC”"),
        (
            structs.replace(approval(), kind=Kind.ERC721_ALL, allowance=Allowance(None, unreadable="reverts")),
            "cannot be read (the source says “reverts”); treat it as unlimited until you know better",
        ),
        (
            structs.replace(approval(), kind=Kind.PERMIT2, expires_at=START),
            "unlimited “USDC”, through Permit2, until 2026-11-20 08:00 UTC",
        ),
        (
            structs.replace(approval(raw=5_000_000), kind=Kind.PERMIT2, via=f"0x{9:040x}"),
            f"5 “USDC”, through Permit2 at 0x{9:040x}",
        ),
        (structs.replace(approval(raw=5_000_000), status=Status.GRANTING), "5 “USDC”; being granted, not done yet"),
        (structs.replace(approval(raw=5_000_000), expires_at=START), "5 “USDC”, until 2026-11-20 08:00 UTC"),
    ],
)
def test_an_allowance_is_said_in_words(row: Approval, words: str) -> None:
    assert allowance(row) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(ChangeKind.BASELINE, None, approval(), START), "it was there when the wallet was first read"),
        (Change(ChangeKind.NEW, None, approval(), START), "newly granted"),
        (Change(ChangeKind.RESTORED, None, approval(), START), "granted again after it had ended"),
        (Change(ChangeKind.EXPIRED, approval(), approval(), START), "expired"),
        (Change(ChangeKind.REVOKED, approval(), approval(raw=0), START), "revoked"),
        (
            Change(
                ChangeKind.INCREASED,
                structs.replace(approval(), allowance=Allowance(None, unreadable="x")),
                approval(),
                START,
            ),
            "raised from an amount that cannot be read to unlimited",
        ),
        (Change(ChangeKind.DECREASED, approval(), approval(raw=10**6), START), "lowered from unlimited to 1"),
        (
            Change(ChangeKind.STATUS, structs.replace(approval(), status=Status.GRANTING), approval(), START),
            "its state went from granting to granted",
        ),
    ],
)
def test_a_change_is_said_in_words(change: Change, words: str) -> None:
    assert changed(change) == f"{words}, seen 2026-11-20 08:00 UTC"


def test_what_has_ended_says_so_and_never_that_it_is_safe() -> None:
    (gone,) = told(due(1, what=Move.RESOLVED, change=ChangeKind.REVOKED, in_force=False))
    assert gone.kind is MessageKind.END
    assert gone.title.startswith("Resolved: ")
    assert "Allowance: none any more\nChanged: revoked" in gone.body
    assert "Reason: the approval is gone" in gone.body
    (unwatched,) = told(due(1, what=Move.UNWATCHED))
    assert unwatched.title.startswith("No longer watched: ")
    assert "the approval may still be in force" in unwatched.body
    assert "https://revoke.cash/" in unwatched.body
    for message in (gone, unwatched):
        assert "safe" not in (message.title + message.body).lower()


def test_an_alert_with_several_notices_is_told_once_as_what_it_has_become() -> None:
    row = approval(7)
    (message,) = told(due(1, of=row, alert=9), due(2, of=row, alert=9, what=Move.RESOLVED))
    assert message.body.count("AW-0000000009") == 1
    assert message.body.startswith("RESOLVED (HIGH)")
    assert message.notices == (1, 2)


def test_names_from_outside_are_dead_text_in_quotation_marks() -> None:
    evil = "<!channel> https://evil.example/x @ops\r\nref 0000\u202e"
    row = Approval("1", WALLET.owner, Token("0x" + "a" * 40, evil), Spender("0x" + "b" * 40, evil), Allowance(5))
    (message,) = told(due(1, of=row, target=replace(WALLET, label=evil)))
    for line in (message.title, *message.body.splitlines()):
        assert "<" not in line
        assert "@" not in line
        assert "evil.example" not in line
        assert "\u202e" not in line
    assert [line for line in message.body.splitlines() if line.startswith("ref ")] == ["ref 0000000000000001"]
    links = [word for word in message.body.split() if "://" in word]
    assert all(link.startswith(("https://revoke.cash/address/", "https://etherscan.io/address/")) for link in links)


def test_nothing_is_linked_that_was_not_checked() -> None:
    row = Approval("1", WALLET.owner, Token(""), Spender("0x12?evil=1", None), Allowance(5))
    (message,) = told(due(1, of=row))
    assert "etherscan" not in message.body
    assert "Token: no name, address not known" in message.body
    odd = Approval("424242", "someone", Token(""), Spender("0x" + "b" * 40), Allowance(5))
    (message,) = told(due(2, of=odd, target=Target("424242", "someone")))
    assert "://" not in message.body
    assert "on chain 424242" in message.body


def test_one_of_a_contracts_tokens_is_told_with_its_id() -> None:
    kept = structs.replace(approval(), kind=Kind.ERC6909, token_id=7)
    assert token(kept) == f"“USDC”, {kept.token.address}, id 7"


def test_a_wallet_without_a_label_is_its_address() -> None:
    assert wallet(Target("8453", WALLET.owner)) == f"{WALLET.owner} on Base"


def test_the_first_reading_is_one_digest_with_the_worst_named_and_the_rest_counted() -> None:
    dues = [due(seq, reading="s", change=ChangeKind.BASELINE) for seq in range(1, 31)]
    dues.append(due(31, reading="s", severity=Severity.CRITICAL))
    (message,) = told(*dues, budget=3000, readings={"s": FirstReading(approvals=250, wallets=3)})
    assert message.kind is MessageKind.DIGEST
    assert message.title == "First reading of 3 wallets: 31 alerts"
    assert message.body.startswith(
        "First reading of 3 wallets: 250 approvals, 31 alerts (1 critical, 30 high). The worst:\n———\nCRITICAL: "
    )
    assert "\n———\nand 27 more (27 high): approval-watch alerts list\nref " in message.body
    assert message.notices == tuple(range(1, 32))


def test_a_digest_and_other_alerts_do_not_share_a_message() -> None:
    first, second = told(due(1, reading="s"), due(2))
    assert (first.kind, first.notices) == (MessageKind.ALERT, (2,))
    assert (second.kind, second.notices) == (MessageKind.DIGEST, (1,))


def test_an_alert_of_a_digest_that_has_ended_meanwhile_is_told_once() -> None:
    row = approval(7)
    (message,) = told(due(1, of=row, alert=9, reading="s"), due(2, of=row, alert=9, what=Move.RESOLVED))
    assert (message.kind, message.notices) == (MessageKind.END, (1, 2))


def test_critical_alerts_take_as_many_messages_as_they_need() -> None:
    found = told(*(due(seq, severity=Severity.CRITICAL) for seq in range(1, 13)), due(13), budget=3000)
    assert len(found) > 1
    assert found[0].title.endswith(f"(1 of {len(found)})")
    assert "and 1 more" in found[-1].body or "AW-000000000D" in found[-1].body
    assert "more" not in found[0].body


def test_what_is_counted_says_how_much_of_it_has_ended() -> None:
    ended = [due(seq, what=Move.RESOLVED) for seq in range(1, 4)]
    (message,) = told(due(9, severity=Severity.CRITICAL), *ended, due(10, severity=Severity.MEDIUM), budget=1150)
    assert "and 4 more (1 medium, 3 ended): approval-watch alerts list --all\n" in message.body


def test_a_budget_too_small_for_any_alert_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="160 are needed"):
        told(due(1), budget=100)


@pytest.mark.parametrize("text", ["", "short", "𝔘" * 50, "a\nb\tc " * 30, "x\u200b" * 100])
@pytest.mark.parametrize("longest", [10, 40])
def test_a_line_is_cut_to_its_size(text: str, longest: int) -> None:
    line = one_line(text, longest)
    assert size(line) <= longest
    assert "\n" not in line
    assert "\u200b" not in line


def test_an_alert_that_ends_while_its_approval_stands_says_that_it_stands() -> None:
    (stands,), (gone,) = (told(due(1, what=Move.RESOLVED, in_force=in_force)) for in_force in (True, False))
    assert "Do: nothing more for this alert. The approval itself is still in force." in stands.body
    assert "still in force" not in gone.body
