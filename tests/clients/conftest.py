"""One service with a provider and one without for all real clients, and what each client made of its tasks."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from types import MappingProxyType
from typing import Any

import pytest

from runtimes import client_python, node, run_program
from services import KEY, Service, connected_service, offline_service

PROGRAMS = Path(__file__).with_name("programs")


@dataclass(frozen=True)
class Client:
    """A client, and the program that sees it through its tasks."""

    program: str
    runtime: Callable[[], Path]
    major: str


CLIENTS = {
    "openai-3": Client("openai_python.py", lambda: Path(sys.executable), "3"),
    "openai-2": Client("openai_python.py", lambda: client_python("openai2"), "2"),
    "openai-1": Client("openai_python.py", lambda: client_python("openai1"), "1"),
    "langchain-openai": Client("langchain_chat.py", lambda: client_python("langchain"), "1"),
    "openai-node": Client("openai_node.mjs", node, "7"),
    "ai-sdk-openrouter": Client("ai_sdk.mjs", node, "3"),
    "openrouter-sdk": Client("openrouter_sdk.mjs", node, "1"),
}
"""Those that chat, as most clients do."""
RESPONDERS = {
    "openai-3": Client("responses_openai.py", lambda: Path(sys.executable), "3"),
    "openai-2": Client("responses_openai.py", lambda: client_python("openai2"), "2"),
    "openai-1": Client("responses_openai.py", lambda: client_python("openai1"), "1"),
    "openai-node": Client("responses_openai.mjs", node, "7"),
    "openai-agents": Client("responses_agents.py", lambda: client_python("agents"), "0"),
    "pydantic-ai": Client("responses_pydantic_ai.py", lambda: client_python("pydantic"), "2"),
    "ai-sdk-openai": Client("responses_ai_sdk.mjs", node, "4"),
    "langchain-openai": Client("responses_langchain.py", lambda: client_python("langchain"), "1"),
}
"""Those that ask `/responses`."""
UNSTORED = {
    "openai-3": ("turns_native", "turns_openrouter", "mixed_whole", "turns_chained"),
    "openai-node": ("turns_native", "turns_openrouter", "mixed_whole", "turns_chained"),
    "openai-agents": ("turns_replayed", "turns_of_a_session", "mixed_whole", "turns_chained"),
    "pydantic-ai": ("turns_replayed", "turns_by_ids", "turns_not_stored", "mixed_whole", "turns_chained"),
    "ai-sdk-openai": ("turns_not_stored", "mixed_not_stored", "mixed_whole", "turns_chained"),
    "langchain-openai": ("turns_replayed", "mixed_whole"),
}
"""What is tried where no responses are stored."""


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`limner serve` with the models of `tellers`."""
    with connected_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="session")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`limner serve --offline`."""
    with offline_service(tmp_path_factory.mktemp("offline")) as service:
        yield service


Outcomes = Callable[[str], Mapping[str, Any]]


def _outcomes(
    clients: Mapping[str, Client],
    folder: Path,
    *arguments: str,
    tasks: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Outcomes:
    """What came of each task of a client, by the client's name; its program runs once.

    `tasks`: by the client's name those that are run; all of them by default.
    """

    @cache
    def ended(name: str) -> CompletedProcess[str]:
        client = clients[name]
        only = tasks.get(name, ())
        return run_program([client.runtime(), PROGRAMS / client.program, *arguments, *only], folder)

    def told(name: str) -> Mapping[str, Any]:
        done = ended(name)
        assert done.returncode == 0, done.stderr
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found

    return told


@pytest.fixture(scope="session")
def outcomes(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What came of each task of a client that chats."""
    return _outcomes(CLIENTS, tmp_path_factory.mktemp("chatting"), service.origin, KEY)


@pytest.fixture(scope="session")
def responded(service: Service, offline: Service, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What came of each task of a client that asks `/responses`."""
    folder = tmp_path_factory.mktemp("responding")
    return _outcomes(RESPONDERS, folder, service.origin, KEY, offline.origin)


@pytest.fixture(scope="session")
def unstored(
    offline: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, Outcomes]]:
    """A service that stores no responses, and what came of some tasks of those that ask `/responses`."""
    folder = tmp_path_factory.mktemp("unstored")
    with connected_service(folder, "store_days = 0") as service:
        yield service, _outcomes(RESPONDERS, folder, service.origin, KEY, offline.origin, tasks=UNSTORED)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Each client in its turn."""
    return str(request.param)


@pytest.fixture(params=RESPONDERS)
def responder(request: pytest.FixtureRequest) -> str:
    """Each of those that ask `/responses`, in its turn."""
    return str(request.param)
