"""Kill a five-picture turn at a random instant, resume it, and look at what is left. Again and again.

    python tests/engine/kills.py --kills 500 --seed 1

A provider on loopback, in a process of its own, counts what it was asked for. Each turn runs in
a forked child that is killed with SIGKILL; a second child resumes it. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
import traceback
import urllib.request
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import anyio
import openai  # noqa: F401  imported before the forks, so that each child starts at once

from limner import Budget, Drawing, Engine, FolderStorage, JournalError, Limits, OpenAIImages, SQLiteRecorder
from limner.core.messages import ChatRequest
from limner.images.protocol import ImageBackend, ImageRequest, Policy, Purchase
from limner.testing import PlainImages, Say, ScriptedModel, plain_png

PICTURES = 5
AFFORDABLE = 3
"""Where there is a budget."""
PRICE_USD = 0.04
POLICIES: tuple[Policy, ...] = ("idempotent", "job", "at_most_once")


class Provider(BaseHTTPRequestHandler):
    """Answers slowly, bills each order once per idempotency key, and remembers what it was asked."""

    bills: ClassVar[Counter[str]] = Counter()
    keys: ClassVar[dict[str, str]] = {}
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt, key = body["prompt"], self.headers.get("Idempotency-Key")
        with self.lock:
            if key is None or key not in self.keys:
                self.bills[prompt] += 1
            if key is not None:
                self.keys[key] = prompt
        time.sleep(random.uniform(0.005, 0.03))
        picture = base64.b64encode(plain_png(prompt)).decode()
        self._answer({"created": 1, "data": [{"b64_json": picture}], "job": key})

    def do_GET(self) -> None:
        self._answer(dict(self.bills))

    def _answer(self, value: object) -> None:
        data = json.dumps(value).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # the child that asked was killed

    def log_message(self, *args: object) -> None:
        pass


class Jobs(PlainImages):
    """A maker whose pictures are jobs: submitted once per key, then polled."""

    url = ""

    async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
        if purchase.job_id is None:
            assert purchase.record_job is not None
            job = await anyio.to_thread.run_sync(self._submit, request.prompt, purchase.key)
            await purchase.record_job(job)
        await anyio.sleep(0.01)
        return (Drawing(plain_png(request.prompt), "jobs"),)

    def _submit(self, prompt: str, key: str) -> str:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        order = urllib.request.Request(f"{self.url}/jobs", json.dumps({"prompt": prompt}).encode(), headers)
        with urllib.request.urlopen(order) as answer:
            return str(json.load(answer)["job"])


@dataclass(frozen=True)
class Case:
    name: str
    folder: Path
    url: str
    policy: Policy
    promised: bool
    budgeted: bool

    @property
    def affordable(self) -> int:
        """How many pictures there is money for."""
        return AFFORDABLE if self.budgeted else PICTURES

    def images(self) -> ImageBackend:
        if self.policy == "job":
            jobs = Jobs(policy="job", price=PRICE_USD)
            jobs.url = self.url
            return jobs
        return OpenAIImages(
            "plain", base_url=f"{self.url}/v1", api_key="k", policy=self.policy, price_usd=PRICE_USD
        )

    def engine(self) -> Engine:
        return Engine(
            ScriptedModel(self.script),
            self.images(),
            recorder=SQLiteRecorder(self.folder / "journal"),
            storage=FolderStorage(self.folder / "pictures"),
            promise_after_s=0 if self.promised else None,
            limits=Limits(conversation_usd=self.affordable * PRICE_USD),
            budget=Budget(self.affordable * PRICE_USD),
        )

    def script(self, request: ChatRequest) -> Say:
        answers = [json.loads(message.text) for message in request.messages if message.role == "tool"]
        if not answers:
            calls = [
                ("generate_image", {"prompt": f"{self.name} {at}", "alt": f"{at}"}) for at in range(PICTURES)
            ]
            return Say("Five pictures.", calls, gap_s=0.001)
        places = [f"![{at}]({each['imageUrl']})" for at, each in enumerate(answers) if "imageUrl" in each]
        return Say("\n\n".join(["Here.", *places]), gap_s=0.002)


async def begin(case: Case) -> None:
    async with case.engine() as engine:
        await engine.conversation("run").ask("draw")


async def resume(case: Case) -> dict[str, Any]:
    """Finish the turn; what is left of it."""
    async with case.engine() as engine:
        try:
            conversation = await engine.resume("run")
            reply = await (
                conversation.ask("draw") if conversation.state.turn == 0 else conversation.resume()
            )
        except JournalError as error:
            if error.code != "run_unknown":
                raise
            conversation = engine.conversation("run")
            reply = await conversation.ask("draw")
        outcomes = [call.outcome for call in conversation.state.calls if call.outcome is not None]
        drawn = [each.picture for outcome in outcomes for each in outcome.pictures]
        lost = 0
        for picture in drawn:
            try:
                await engine.storage.open(picture.id)
            except Exception:
                lost += 1
        return {
            "messages": [[message.role, message.text] for message in conversation.messages],
            "codes": [call["code"] for call in reply.calls],
            "images": len(reply.images),
            "drawn": [picture.prompt for picture in drawn],
            "doubts": [call["prompt"] for call in reply.calls if call["code"] == "outcome_unknown"],
            "unknown": len(reply.receipt["unknown"]),
            "lost": lost,
        }


def forked(case: Case, work: Any, answer: Path | None) -> int:
    """Run `work(case)` in a child; its result goes to `answer`."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        result = anyio.run(work, case)
        if answer is not None:
            answer.write_text(json.dumps(result))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def settled(case: Case, *, kill_after_s: float | None) -> dict[str, Any]:
    """One turn, killed or not, to its end."""
    answer = case.folder / "answer"
    if kill_after_s is not None:
        child = forked(case, begin, None)
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    child = forked(case, resume, answer)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{case} did not resume")
    result: dict[str, Any] = json.loads(answer.read_text())
    return result


def check(case: Case, result: dict[str, Any], bills: dict[str, int], wanted: list[Any]) -> dict[str, int]:
    """What went wrong in one resumed turn, and what was left open."""
    prompts = [f"{case.name} {at}" for at in range(PICTURES)]
    own = {prompt: bills.get(prompt, 0) for prompt in prompts}
    ordered = {prompt for prompt, times in own.items() if times}
    told = [[role, text.replace(case.name, "NAME")] for role, text in result["messages"]]
    same = told == wanted
    return {
        "bought_twice": sum(times > 1 for times in own.values()),
        "acknowledged_lost": result["lost"],
        "unlisted_doubts": len(ordered - set(result["drawn"]) - set(result["doubts"])),
        "doubts": result["unknown"],
        "transcripts_differ": int(not same and not (case.policy == "at_most_once" and result["doubts"])),
        "pictures_missing": case.affordable - result["images"] - len(result["doubts"]),
        "overspent": max(0, len(ordered) - case.affordable),
    }


def provider() -> tuple[int, str]:
    """A provider in a process of its own; its process id and address."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
        os.write(write, str(server.server_port).encode())
        os.close(write)
        server.serve_forever()
    os.close(write)
    port = int(os.read(read, 16))
    os.close(read)
    return child, f"http://127.0.0.1:{port}"


def bills_of(url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{url}/bills") as answer:
        found: dict[str, int] = json.load(answer)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    child, url = provider()
    totals: Counter[str] = Counter()
    started = time.monotonic()
    try:
        wanted: dict[tuple[Policy, bool, bool], list[Any]] = {}
        spans: dict[tuple[Policy, bool, bool], float] = {}
        for number in range(-4 * len(POLICIES), options.kills):
            kind = POLICIES[number % 3], number % 2 == 0, number % 4 < 2
            with tempfile.TemporaryDirectory() as folder:
                case = Case(f"case{number}x", Path(folder), url, *kind)
                if number < 0:
                    before = time.monotonic()
                    result = settled(case, kill_after_s=None)
                    spans[kind] = time.monotonic() - before
                    wanted[kind] = [
                        [role, text.replace(case.name, "NAME")] for role, text in result["messages"]
                    ]
                    continue
                result = settled(case, kill_after_s=chance.uniform(0, spans[kind]))
                totals.update(check(case, result, bills_of(url), wanted[kind]))
                totals["promised"] += case.promised
                totals["budgeted"] += case.budgeted
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
    totals.update({"kills": options.kills})
    json.dump({**totals, "seconds": round(time.monotonic() - started, 1)}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
