"""What outlives a process: pictures known, promises, turns handed out, money, answers."""

from .claims import KEYED_S, UNKEYED_S, Claim, Claims, Standing
from .ledger import HandedOut, Ledger, Promise, new_promise_id
from .till import LedgerTill

__all__ = [
    "KEYED_S",
    "UNKEYED_S",
    "Claim",
    "Claims",
    "HandedOut",
    "Ledger",
    "LedgerTill",
    "Promise",
    "Standing",
    "new_promise_id",
]
