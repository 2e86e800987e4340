"""One execution per request, however often it is sent.

A request repeats another when it has the same `Idempotency-Key`, or when the SDK says that it sends it
again (`x-stainless-retry-count`). It then hears what the first one hears, or what that was told before,
or goes on with the run of one that was cut off. Nothing is bought twice.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio
from anyio.abc import TaskGroup

from limner.beside import beside
from limner.clock import Clock, SystemClock
from limner.logs import log

from ..exchange import Answer, Endpoint, Inbound
from ..front.multipart import MOST_PARTS, boundary_of
from ..ledger import UNKEYED_S, Claim, Ledger
from ..refusal import Refusal
from .execution import Allowance, Execution, Listener
from .kept import REPLAYED, head_of, replay

__all__ = ["Idempotency"]

KEYED_BYTES = 32 * 2**20
UNKEYED_BYTES = 2**20
"""Of one answer that are kept to be told again."""
STREAMED_BYTES = 16 * 2**10
"""Of one that is streamed without a key: the SDK asks again only where no word has reached it."""
ALL_KEYED_BYTES = 8 * KEYED_BYTES
ALL_UNKEYED_BYTES = 32 * 2**20
"""Of all answers that this process keeps in memory."""
LONELY_S = 0.7
"""How long an answer goes on when its client has left: the SDK comes again after 0.5 s at most, and
what was left for good has to be stopped within a second (P09)."""
_HERE_S, _ELSEWHERE_S = 1, 5
"""When to ask again: the SDK's next request joins what runs here, and can only wait for another process."""
_MOST_FAILED = 10_000
_UNCOUNTED = ("speakeasy-sdk/",)
"""Clients that send again for an hour what fails, and do not count. Source: @openrouter/sdk 1.3, `lib/retries`."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

_Found = Listener | Claim | anyio.Event
"""Somebody to listen to, an answer of the ledger, or what to wait for before looking again."""


@dataclass(frozen=True, slots=True)
class _Request:
    """One request on its way to its execution."""

    endpoint: Endpoint
    inbound: Inbound
    key: str | None
    retried: bool
    """The SDK says that it has sent the same before."""
    hash: bytes

    @property
    def tenant(self) -> str:
        return self.inbound.tenant.name


class Idempotency:
    """Whose requests are executed here; an async context manager that owns the executions.

    Leaving it cancels those that are under way; who repeats them later goes on with their runs.
    """

    def __init__(self, ledger: Ledger, clock: Clock | None = None) -> None:
        self._claims = ledger.claims
        self._clock = clock or SystemClock()
        self._keyed: dict[tuple[str, str], Execution] = {}
        self._failed: dict[tuple[str, bytes], float] = {}
        """Requests without a key whose run was begun and came to no answer, and when, the oldest first."""
        self._unkeyed: dict[tuple[str, bytes], list[Execution]] = {}
        """Under way, and those of the last 10 minutes that the ledger does not know."""
        self._ended: deque[tuple[float, tuple[str, bytes], Execution]] = deque()
        """Of the latter those that have ended, oldest first."""
        self._of_keyed = Allowance(ALL_KEYED_BYTES)
        self._of_unkeyed = Allowance(ALL_UNKEYED_BYTES, self._forget_oldest)
        # Held from the look at what runs here until a new execution stands there.
        self._deciding = anyio.Lock()
        self._group: TaskGroup | None = None

    async def __aenter__(self) -> Idempotency:
        self._group = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        group, self._group = self._group, None
        if group is not None:
            group.cancel_scope.cancel()
            await group.__aexit__(None, None, None)

    def around(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint, called once for requests that are the same.

        It is given `resume_run` and awaits `begun`. A request that nobody could repeat is passed on as it is.
        """

        async def answer(inbound: Inbound) -> Answer:
            key, count = inbound.headers.get("idempotency-key"), _retries(inbound)
            if key is None and count is None:
                return await endpoint(inbound)
            if key is not None and not _KEY.fullmatch(key):
                raise Refusal(
                    "invalid_value",
                    "An Idempotency-Key has 1 to 255 visible ASCII characters; send such a one.",
                    param="Idempotency-Key",
                )
            return await self._answer(_Request(endpoint, inbound, key, bool(count), await _hash(inbound)))

        return answer

    async def _answer(self, request: _Request) -> Answer:
        failed = request.key is None and self._failed.pop((request.tenant, request.hash), None) is not None
        if request.key is None and not request.retried and not failed:
            return await self._start(request, None).answer({})
        find = self._again if request.key is None else self._with_key
        while True:
            async with self._deciding:
                found = await find(request)
            if isinstance(found, anyio.Event):
                await found.wait()
            elif isinstance(found, Listener):
                return await found.answer(REPLAYED if found.joined else {})
            else:
                return _told(found)

    async def _with_key(self, request: _Request) -> _Found:
        assert request.key is not None
        current = self._keyed.get((request.tenant, request.key))
        if current is None:
            claim = await self._claims.claim(request.tenant, request.key, request.hash)
            return self._start(request, claim) if claim.standing == "ours" else claim
        if current.request != request.hash:
            raise Refusal("idempotency_mismatch", param="Idempotency-Key")
        if current.closing:
            return current.done
        if request.retried and current.replayable:
            # Who sends it again by itself has lost the answer, and would otherwise only ask once more.
            return _joined(request, current)
        raise _in_progress(_HERE_S)

    async def _again(self, request: _Request) -> _Found:
        self._forget_old()
        here = self._unkeyed.get((request.tenant, request.hash), [])
        joinable = [each for each in here if each.replayable and not each.closing]
        for each in joinable:
            if each.lonely and not each.ended:
                return _joined(request, each)
        for each in here:
            if each.closing and not each.ended:
                return each.done
        for each in joinable:
            if each.noting:
                # The ledger has it, or is about to: there it would look like one that was cut off.
                return _joined(request, each)
        known = [each.claim for each in here if each.claim is not None]
        claim = await self._claims.recall(request.tenant, request.hash, known)
        if claim is not None and claim.standing == "ours":
            return self._start(request, claim)
        if joinable:
            return _joined(request, joinable[-1])
        if any(not each.ended for each in here):
            raise _in_progress(_HERE_S)
        return claim or self._start(request, None)

    def _start(self, request: _Request, claim: Claim | None) -> Listener:
        """Execute it, in a task of the service: whoever sent it may leave."""
        assert self._group is not None, "requests come while the service runs"
        tenant, key = request.tenant, request.key
        if key is not None:
            execution = Execution(request.hash, KEYED_BYTES, self._of_keyed, self._left)
            self._keyed[tenant, key] = execution
        else:
            self._forget_old()
            execution = Execution(
                request.hash, UNKEYED_BYTES, self._of_unkeyed, self._left, streamed_bytes=STREAMED_BYTES
            )
            self._unkeyed.setdefault((tenant, request.hash), []).append(execution)
        if claim is not None:
            execution.claim, execution.run, execution.resumed = claim.id, claim.run, claim.run is not None
        inbound = replace(
            request.inbound, resume_run=execution.run, begun=self._begun(execution, tenant, request.hash)
        )

        async def settle(execution: Execution) -> None:
            try:
                await self._settle(execution, tenant)
            # Strategy: what was bought is told all the same, and nobody else's request ends with this one's
            # group; a request that repeats it goes on with the run.
            except Exception as error:
                log.warning("answer.not_kept", request=inbound.id, error=type(error).__name__)
            self._put_away(execution, tenant, key)

        listener = execution.listen()
        self._group.start_soon(execution.perform, request.endpoint, inbound, settle)
        return listener

    def _begun(self, execution: Execution, tenant: str, request: bytes) -> Callable[[str], Awaitable[None]]:
        async def begun(run: str) -> None:
            if execution.claim is None:
                execution.noting = True
                try:
                    execution.claim = await self._claims.note(tenant, request, run)
                finally:
                    execution.noting = False
            else:
                await self._claims.begun(execution.claim, run)
            execution.run = run

        return begun

    async def _settle(self, execution: Execution, tenant: str) -> None:
        """Write down what is to be remembered: an answer, or what was bought without one."""
        if execution.claim is None:
            return
        if execution.answered or (execution.bought and execution.run is None):
            kept = execution.replayable
            head = head_of(execution.whole or execution.streamed, execution.refusal) if kept else None
            await self._claims.finish(execution.claim, tenant, head, execution.body() if kept else b"")
        elif execution.run is None or (execution.refused and not execution.resumed):
            await self._claims.release(execution.claim)
        else:
            await self._claims.interrupt(execution.claim)
            if execution.error is not None:
                self._remember_failure(execution, tenant)

    def _remember_failure(self, execution: Execution, tenant: str) -> None:
        """Some clients send again what has failed and do not say so; they must not buy once more."""
        now = self._clock.now()
        self._failed[tenant, execution.request] = now
        while len(self._failed) > _MOST_FAILED or next(iter(self._failed.values())) < now - UNKEYED_S:
            del self._failed[next(iter(self._failed))]

    def _put_away(self, execution: Execution, tenant: str, key: str | None) -> None:
        """What the ledger remembers needs no memory, and what bought nothing is not remembered."""
        if key is not None:
            del self._keyed[tenant, key]
        elif execution.claim is None and (execution.answered or execution.bought) and execution.replayable:
            self._ended.append((self._clock.now(), (tenant, execution.request), execution))
            return
        else:
            self._strike(execution, (tenant, execution.request))
        execution.forget()

    def _strike(self, execution: Execution, name: tuple[str, bytes]) -> None:
        here = self._unkeyed[name]
        here.remove(execution)
        if not here:
            del self._unkeyed[name]

    def _forget_old(self) -> None:
        while self._ended and self._ended[0][0] < self._clock.now() - UNKEYED_S:
            self._forget_oldest()

    def _forget_oldest(self) -> bool:
        """Whether there was an answer to forget, so that there is more room."""
        if not self._ended:
            return False
        _, name, execution = self._ended.popleft()
        self._strike(execution, name)
        execution.forget()
        return True

    def _left(self, execution: Execution) -> None:
        """The last listener has left."""
        if self._group is None or not execution.replayable:
            execution.cancel()
        else:
            self._group.start_soon(self._part, execution, execution.times_left)

    async def _part(self, execution: Execution, times_left: int) -> None:
        await self._clock.sleep(LONELY_S)
        if execution.lonely and execution.times_left == times_left and not execution.ended:
            execution.cancel()


def _joined(request: _Request, execution: Execution) -> Listener:
    request.inbound.record["replayed"] = True
    if execution.run is not None:
        request.inbound.record["turn"] = execution.run
    listener = execution.listen()
    listener.joined = True
    return listener


def _told(claim: Claim) -> Answer:
    if claim.standing == "mismatch":
        raise Refusal("idempotency_mismatch", param="Idempotency-Key")
    if claim.standing == "running":
        raise _in_progress(_ELSEWHERE_S)
    if claim.head is None or claim.body is None:
        raise Refusal("idempotency_not_kept", bought=True)
    return replay(claim.head, claim.body)


def _in_progress(seconds: int) -> Refusal:
    return Refusal("idempotency_in_progress", retry_after_s=seconds)


def _retries(inbound: Inbound) -> int | None:
    """How often the SDK has sent this request before; None where nobody repeats it by himself."""
    count = inbound.headers.get("x-stainless-retry-count", "")
    if re.fullmatch("[0-9]{1,4}", count):
        return int(count)
    return 0 if inbound.headers.get("user-agent", "").startswith(_UNCOUNTED) else None


async def _hash(inbound: Inbound) -> bytes:
    """What two requests have in common that are the same; other services' words are another request.

    The official clients say with every request how often they have sent it, so large ones come here, too.
    """
    return await beside(len(inbound.body), lambda: _digest(inbound))


def _digest(inbound: Inbound) -> bytes:
    digest = hashlib.sha256()
    boundary = boundary_of(inbound.headers.get("content-type", ""))
    # Who sends a form again chooses another boundary. One that stands there more often is refused, and as many
    # pieces as a body has bytes would take many times its size.
    body = [inbound.body] if boundary is None else inbound.body.split(b"--" + boundary, MOST_PARTS + 1)
    for part in (inbound.method.encode(), inbound.path.encode(), inbound.query.encode(), *body):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
