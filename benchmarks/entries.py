"""Who takes part: the contestants, and the environments that they live in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .processes import ROOT

__all__ = ["BARE", "BY_HAND", "ENTRIES", "LIMNER", "Entry", "present", "versions"]

ENVIRONMENTS = ROOT / ".bench"


@dataclass(frozen=True)
class Entry:
    """One contestant."""

    name: str
    """Of its module in `benchmarks.contestants`."""
    title: str
    environment: str
    imports: str
    """What a program writes to have it."""
    packages: tuple[str, ...]
    """Whose versions are told."""

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.environment / "bin" / "python"


LIMNER = Entry(
    "limner",
    "Limner",
    "limner",
    "from limner import Engine, OpenAIImages, OpenAIModel",
    ("limner", "aiohttp"),
)
BY_HAND = Entry("by_hand", "openai, by hand", "openai", "import openai", ("openai",))
BARE = Entry("bare", "aiohttp, bare", "aiohttp", "import aiohttp", ("aiohttp",))
ENTRIES = (
    LIMNER,
    Entry("limner_sqlite", "Limner, SQLite", "limner", LIMNER.imports, LIMNER.packages),
    Entry("limner_promises", "Limner, promises", "limner", LIMNER.imports, LIMNER.packages),
    BY_HAND,
    Entry(
        "by_hand_aiohttp",
        "openai + aiohttp",
        "openai-aiohttp",
        "import openai, aiohttp",
        ("openai", "aiohttp"),
    ),
    BARE,
    Entry("openai_agents", "OpenAI Agents", "agents", "import agents", ("openai-agents",)),
    Entry("pydantic_ai_", "Pydantic AI", "pydantic-ai", "import pydantic_ai", ("pydantic-ai-slim",)),
    Entry(
        "langchain_",
        "LangChain",
        "langchain",
        "from langchain.agents import create_agent; import langchain_openai",
        ("langchain", "langchain-openai"),
    ),
    Entry("agno_", "Agno", "agno", "from agno.agent import Agent; import agno.models.openai", ("agno",)),
    Entry("smolagents_", "smolagents", "smolagents", "import smolagents", ("smolagents",)),
    Entry("litellm_", "LiteLLM", "litellm", "import litellm", ("litellm",)),
)
"""In the order of the tables."""


def present(wanted: Iterable[str] = ()) -> tuple[list[Entry], list[Entry]]:
    """The entries whose environments are there, and those that are left out; `wanted`: names, all by default."""
    names = set(wanted)
    unknown = names - {entry.name for entry in ENTRIES}
    if unknown:
        raise SystemExit(
            f"no contestant {sorted(unknown)[0]!r}; there are {', '.join(entry.name for entry in ENTRIES)}"
        )
    chosen = [entry for entry in ENTRIES if not names or entry.name in names]
    here = [entry for entry in chosen if entry.python.exists()]
    return here, [entry for entry in chosen if entry not in here]


def versions(entry: Entry) -> dict[str, str]:
    """The version of each of its packages."""
    program = (
        "import json, sys, importlib.metadata as m; "
        "print(json.dumps({each: m.version(each) for each in sys.argv[1:]}))"
    )
    found = subprocess.run(
        [entry.python, "-c", program, *entry.packages], capture_output=True, text=True, check=True
    )
    told: dict[str, str] = json.loads(found.stdout)
    return told
