"""The interface as an OpenAPI document, and requests made from it: as it says, and against what it says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import anyio
import pytest
from jsonschema import Draft202012Validator

from limner.config.load import load_gateway_config
from limner.gateway.front.app import PREFIXES
from limner.gateway.refusal import REFUSALS
from limner.gateway.service import opened
from limner.wire.parameters import ACTED_ON, FORWARDED, REFUSED
from limner.wire.responses.parameters import RESPONSES
from runtimes import client_python, run_program
from services import KEY, Service

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
CHAT_MODELS = ("words", "illustrator", "mixer", "refuser", "words:illustrated", "mixer:illustrated")


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return found


def whole_paths(described: Mapping[str, Any]) -> dict[str, Any]:
    """Each path under each of its prefixes, with its operations."""
    found = {}
    for path, item in described["paths"].items():
        for server in item.get("servers", described["servers"]):
            prefix = server["url"].rstrip("/")
            operations = deepcopy({method: item[method] for method in item if method != "servers"})
            for operation in operations.values():
                operation["operationId"] += prefix.replace("/", "-")
            found[prefix + path] = operations
    return found


def test_the_document_names_every_place_of_the_service(tmp_path: Path) -> None:
    """S33: whatever is served is documented, and whatever is documented is served."""
    (tmp_path / "limner.toml").write_text(
        '[gateway]\nstate = "state"\n[[gateway.keys]]\nname = "tests"\n'
        f'sha256 = "{hashlib.sha256(KEY.encode()).hexdigest()}"\n',
        encoding="utf-8",
    )
    config = load_gateway_config(tmp_path / "limner.toml", environ={"HOME": str(tmp_path)}, offline=True)

    async def places() -> set[tuple[str, str]]:
        async with opened(config, offline=True) as app:
            return set(app.places)

    served = anyio.run(places)
    described = {(method.upper(), path) for path, item in whole_paths(document()).items() for method in item}
    assert described == served
    assert {server["url"] for server in document()["servers"]} == set(PREFIXES)


def test_the_document_names_every_error() -> None:
    """The codes are a closed list, and each status of them is described."""
    components = document()["components"]
    assert components["schemas"]["ErrorCode"]["enum"] == sorted(REFUSALS)
    assert set(components["responses"]) == {str(kind.status) for kind in REFUSALS.values()}


def test_the_document_names_parameters_that_are_taken() -> None:
    """Nobody is told of a parameter that is refused; whatever is acted on is told."""
    chat = set(document()["components"]["schemas"]["ChatRequest"]["properties"])
    assert chat <= FORWARDED | ACTED_ON
    assert chat >= ACTED_ON
    assert not chat & (set(REFUSED) - ACTED_ON)
    responses = set(document()["components"]["schemas"]["ResponseRequest"]["properties"])
    assert responses <= RESPONSES.forwarded | RESPONSES.acted_on
    assert responses >= RESPONSES.acted_on - {"usage"}
    assert not responses & (set(RESPONSES.refused) - RESPONSES.acted_on)


def test_the_schemas_of_the_document_are_schemas() -> None:
    """OpenAPI 3.1 has JSON Schema of 2020-12; every reference in it leads somewhere."""
    described = document()
    for schema in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for target in set(re.findall(r'"\$ref": "#/([^"]+)"', DOCUMENT.read_text(encoding="utf-8"))):
        found: Any = described
        for step in target.split("/"):
            found = found[step]


def fuzzed(service: Service, folder: Path, key: str, *arguments: str, models: bool) -> Mapping[str, Any]:
    """What schemathesis found; `models`: whether only chat models are named that there are."""
    described = document()
    described["paths"] = whole_paths(described)
    del described["servers"]
    for item in described["paths"].values():
        for operation in item.values():
            if "requestBody" in operation:
                # A key that was used before answers nearly everything, and nothing else would be tried.
                del operation["parameters"]
    if models:
        chat = described["components"]["schemas"]["ChatRequest"]
        chat["properties"]["model"] = {"enum": list(CHAT_MODELS)}
    (folder / "openapi.json").write_text(json.dumps(described), encoding="utf-8")
    done = run_program(
        [
            *(client_python("schemathesis").with_name("st"), "run", "openapi.json", "--url", service.origin),
            *("--header", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS), "--no-shrink"),
            *("--continue-on-failure", "--seed", "1", "--warnings", "off", "--generation-database", "none"),
            *("--report", "json", "--report-json-path", "report.json", *arguments),
        ],
        folder,
        timeout_s=1500,
    )
    assert done.returncode == 0, done.stdout[:8000] + done.stderr[-2000:]
    report: Mapping[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["complete"], report["stop_reason"]
    assert not report["failures"]
    assert not report["errors"]
    return report


def test_requests_made_from_the_document_get_documented_answers(service: Service, tmp_path: Path) -> None:
    """S33: dozens of them; no 5xx, no status, type or shape outside the document."""
    arguments = ("--phases", "fuzzing", "--max-examples", "6", "--include-path-regex", "^/v1/")
    report = fuzzed(service, tmp_path, KEY, *arguments, models=True)
    assert report["test_cases"]["generated"] >= 25


@pytest.mark.soak
@pytest.mark.parametrize("connected", [True, False], ids=["connected", "offline"])
def test_thousands_of_requests_made_from_the_document_get_documented_answers(
    connected: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """S33: no 5xx in 5,000 cases of each: with a provider, and offline, where every model's name is answered."""
    service: Service = request.getfixturevalue("service" if connected else "offline")
    # One worker: on Python 3.11 threads that read source code at once trip over each other.
    arguments = ("--phases", "examples,coverage,fuzzing", "--max-examples", "260", "--workers", "1")
    report = fuzzed(service, tmp_path, KEY, *arguments, models=connected)
    assert report["test_cases"]["generated"] >= 2500
