"""The outbox: what is due becomes messages, and each message is claimed, sent by one worker, and settled.

    notices ─▶ take_up ─▶ (arrange, compose) ─▶ enqueue ─▶ claim ─▶ settle

Each function runs inside the caller's transaction.
"""

from scanner.store.outbox.claims import claim, claim_next, settle, take_back, workers
from scanner.store.outbox.dues import anything_due, first_readings, take_up
from scanner.store.outbox.keeping import abandon, give_up_old, listing, retry, waiting
from scanner.store.outbox.packing import carry_out, enqueue, traffic, void_recalled
from scanner.store.outbox.regular import hidden, review, tell_again
from scanner.store.outbox.states import EVERY, GIVEN_UP, SENT, VOID, WAITING
from scanner.store.outbox.turned import set_right

__all__ = [
    "EVERY",
    "GIVEN_UP",
    "SENT",
    "VOID",
    "WAITING",
    "abandon",
    "anything_due",
    "carry_out",
    "claim",
    "claim_next",
    "enqueue",
    "first_readings",
    "give_up_old",
    "hidden",
    "listing",
    "retry",
    "review",
    "set_right",
    "settle",
    "take_back",
    "take_up",
    "tell_again",
    "traffic",
    "void_recalled",
    "waiting",
    "workers",
]
