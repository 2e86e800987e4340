"""Workers that share a folder and are killed at any moment: each key is sold once, and answered the same."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

WORKERS = 3
KEYS_PER_KILL = 12
PATIENCE_S = 60.0

WORKER = """
import os, random, sys, anyio
sys.path.insert(0, sys.argv[3])
from limner.gateway.exchange import Streamed, Whole
from limner.gateway.repeats.idempotency import Idempotency
from limner.gateway.ledger import Ledger
from limner.gateway.refusal import Refusal
from limner.wire.frames import DONE
from shops import heard, request

folder, keys = sys.argv[1], [f"k{number}" for number in range(int(sys.argv[2]))]
sold_path = os.path.join(folder, "sold")

async def endpoint(inbound):
    key = inbound.headers["idempotency-key"]
    run = inbound.resume_run
    if run is None:
        run = os.urandom(8).hex()
        await inbound.begun(run)
    line = f"{key} {run}\\n"
    with open(sold_path) as sold:
        known = line in sold.readlines()
    await anyio.sleep(random.random() / 500)
    if not known:
        with open(sold_path, "a") as sold:
            sold.write(line)
    await anyio.sleep(random.random() / 500)
    if key.endswith(("1", "3", "5", "7", "9")):
        return Whole(line.encode())
    async def frames():
        yield line.encode()
        await anyio.sleep(0)
        yield DONE
    return Streamed(frames())

async def told(ask, key):
    while True:
        try:
            return await heard(await ask(request(key=key)))
        except Refusal as refusal:
            assert refusal.code == "idempotency_in_progress", refusal.code
            await anyio.sleep(0.005)

async def main():
    random.shuffle(keys)
    async with Ledger(folder) as ledger, Idempotency(ledger) as idempotency:
        ask = idempotency.around(endpoint)
        print("ready", flush=True)
        for key in keys:
            answer = await told(ask, key)
            print(answer.decode().split("\\n")[0], flush=True)
    print("done", flush=True)

anyio.run(main)
"""


class Worker:
    """A process that asks for every key, and the lines it has printed so far."""

    def __init__(self, folder: Path, keys: int) -> None:
        command = [sys.executable, "-c", WORKER, str(folder), str(keys), str(Path(__file__).parents[1])]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            # What a kill has cut off has no end.
            if line.endswith("\n"):
                self.lines.append(line.strip())

    def ended(self) -> list[str]:
        """Wait for its end; what it has been told."""
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return [line for line in self.lines if line not in ("ready", "done")]


def kill_again_and_again(folder: Path, kills: int, seed: int) -> None:
    """Look at what is left when all who were left alone have been answered."""
    chance, keys = random.Random(seed), kills * KEYS_PER_KILL
    (folder / "sold").touch()
    answers: set[str] = set()
    workers = [Worker(folder, keys) for _ in range(WORKERS)]
    for _ in range(kills):
        at = chance.randrange(WORKERS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            workers[at].process.wait(chance.uniform(0.1, 0.5))
        workers[at].process.kill()
        answers.update(workers[at].ended())
        workers[at] = Worker(folder, keys)
    for worker in workers:
        answers.update(worker.ended())
        assert (worker.process.returncode, worker.lines[-1]) == (0, "done")
    sold = (folder / "sold").read_text().splitlines()
    assert len(sold) == len({line.split()[0] for line in sold}) == keys, "each key was sold once"
    assert answers == set(sold), "and everybody was told the same"


def test_workers_that_are_killed_sell_each_key_once(tmp_path: Path) -> None:
    """P01, P16 and S27: submissions == 1 for each key, and every answer to it is the same."""
    kill_again_and_again(tmp_path, kills=6, seed=1)


@pytest.mark.soak
def test_a_hundred_and_fifty_kills_sell_each_key_once(tmp_path: Path) -> None:
    """P01: the same for longer."""
    kill_again_and_again(tmp_path, kills=150, seed=2)
