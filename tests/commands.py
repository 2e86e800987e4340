"""The real command in a process of its own, with an empty home and nothing in its environment."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pictures
from providers import Answer, Provider, Said, status

COMMAND = (sys.executable, "-m", "limner.cli")


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """Runs the command in `folder`."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: bytes = b"", **more: str) -> Done:
        """See the command to its end."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment | more,
            input=stdin,
            capture_output=True,
            timeout=30,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    def start(self, *arguments: str) -> Running:
        """Begin the command."""
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        return Running(process)


class Running:
    """A command under way; leaving its `with` block ends it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.err: list[str] = []
        self._news = threading.Condition()
        assert process.stderr is not None
        self._thread = threading.Thread(target=self._read, args=(process.stderr,), daemon=True)
        self._thread.start()

    @property
    def out(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def wait_for_line(self, words: str, timeout_s: float = 20.0) -> None:
        """Return once standard error holds a line with `words`."""
        with self._news:
            found = self._news.wait_for(lambda: any(words in line for line in self.err), timeout_s)
        assert found, f"{words!r} was not said: {self.err}"

    def end(self) -> Done:
        """See it to its end."""
        out = self.out.read().decode("utf-8") if not self.out.closed else ""
        code = self.process.wait(20)
        self._thread.join(5)
        return Done(code, out, "".join(self.err))

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self, stream: IO[bytes]) -> None:
        for line in stream:
            with self._news:
                self.err.append(line.decode("utf-8"))
                self._news.notify_all()


def bare_environment(home: Path) -> dict[str, str]:
    """Nothing that the user of this machine has said, and a locale that knows ASCII alone."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    return kept | plain | {"HOME": str(home)}


def connected(provider: Provider) -> dict[str, str]:
    """The variables that name `provider` for chat and pictures."""
    return {
        "LIMNER_CHAT_BASE_URL": provider.base_url,
        "LIMNER_CHAT_MODEL": "words",
        "LIMNER_CHAT_API_KEY": "none",
        "LIMNER_IMAGE_MODEL": "colours",
    }


def illustrator(*alts: str, first: str = "") -> Any:
    """A chat model that asks for a picture for each of `alts`, then places those that it got."""

    def answer(body: Mapping[str, Any]) -> Said:
        results = [json.loads(each["content"]) for each in body["messages"] if each["role"] == "tool"]
        if not results:
            calls = [("generate_image", {"prompt": f"prompt of {alt}", "alt": alt}) for alt in alts]
            return Said(first, calls=calls)
        steps = [
            f"{number}. Step {number}\n\n"
            + (f"![]({result['imageUrl']})" if result["status"] == "ok" else "(left out)")
            for number, result in enumerate(results, 1)
        ]
        return Said("# The steps\n\n" + "\n\n".join(steps) + "\n\nThe end.\n")

    return answer


def painter(refused: str = "") -> Any:
    """A picture maker whose colours follow the prompt; it refuses prompts with the word `refused`."""

    def draw(body: Mapping[str, Any]) -> bytes | Answer:
        prompt = body["prompt"]
        if refused and refused in prompt:
            return status(500)
        shade = sum(prompt.encode()) % 200
        return pictures.png(colour=(shade, 90, 255 - shade))

    return draw


def linked(markdown: str) -> list[str]:
    """The destinations of the pictures in `markdown`."""
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", markdown)
