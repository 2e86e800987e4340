"""`POST /images/generations` and `POST /images`: pictures without a chat."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

import pictures
from drawing_services import drawing_service
from limner.gateway.refusal import Refusal
from limner.spending.budget import Budget
from makers import refusal
from picture_services import BOAT, FOX
from providers import Answer, Gate, Provider, raw, status, whole
from published import valid
from waiting import until

pytestmark = pytest.mark.anyio

GENERATIONS = "/v1/images/generations"
IMAGES = "/api/v1/images"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.image_script(lambda body: pictures.png(colour=(len(running.posts("/generations")), 90, 20)))
        yield running


async def test_a_picture_is_answered_by_a_link_of_ours(tmp_path: Path, provider: Provider) -> None:
    """ARouter's and OpenAI's request: `created`, `data[].url`; the provider's own link is never passed on."""
    provider.image_script(lambda _: f"{provider.origin}/fox.png")
    provider.pictures["/fox.png"] = raw(FOX)
    async with drawing_service(tmp_path, provider) as service:
        record: dict[str, Any] = {}
        answer = await service.post(GENERATIONS, prompt="a fox", model="pictor-1", record=record)
        told = json.loads(answer.body)
        (image,) = told["data"]
        assert provider.origin not in answer.body.decode()
        assert image["media_type"] == "image/png"
        assert abs(told["created"] - time.time()) < 60
        shown = await service.pictures.get(image["url"])
        assert shown.body == FOX
        (line,) = told["limner"]["images"]
        assert (line["status"], line["number"], line["url"]) == ("completed", 1, image["url"])
        assert record == {"model": "pictor-1", "pictures": 1, "cost_usd": 0.04, "turn": service.runs[0]}
        assert "x-limner-offline" not in answer.headers
        known = await service.pictures.ledger.pictures("ada", [shown.headers["etag"].strip('"')])
        assert [each.prompt for each in known.values()] == ["a fox"]


async def test_a_picture_is_answered_as_base64_where_that_is_asked_for(
    tmp_path: Path, provider: Provider
) -> None:
    """`response_format`: the same bytes as behind the link."""
    provider.image_script(lambda _: FOX)
    async with drawing_service(tmp_path, provider) as service:
        told = await service.drawn(prompt="a fox", response_format="b64_json")
        assert [base64.b64decode(each["b64_json"]) for each in told["data"]] == [FOX]
        assert "url" not in told["data"][0]
        valid("openai/images", told)


async def test_openrouters_endpoint_always_answers_with_the_bytes(tmp_path: Path, provider: Provider) -> None:
    """Wire, 5.1: every item has b64_json and its media type; `usage` has the cost."""
    provider.image_script(lambda _: BOAT)
    async with drawing_service(tmp_path, provider) as service:
        told = await service.drawn(IMAGES, prompt="a boat", model="pictor-1")
        (image,) = told["data"]
        assert (base64.b64decode(image["b64_json"]), image["media_type"]) == (BOAT, "image/jpeg")
        assert told["usage"]["cost"] == 0.04
        valid("openrouter/images", told)


async def test_several_pictures_are_several_orders(tmp_path: Path, provider: Provider) -> None:
    """`n`: also of models that draw one at a time, in the order asked, and without asking for more."""
    async with drawing_service(tmp_path, provider) as service:
        told = await service.drawn(prompt="a fox", n=4)
        assert len(told["data"]) == 4
        assert len({each["url"] for each in told["data"]}) == 4
        assert [each["number"] for each in told["limner"]["images"]] == [1, 2, 3, 4]
    orders = [each.json for each in provider.posts("/generations")]
    assert [each.get("n", 1) for each in orders] == [1] * 4
    assert {each["prompt"] for each in orders} == {"a fox"}


async def test_i20_what_was_drawn_is_answered_although_the_rest_failed(
    tmp_path: Path, provider: Provider
) -> None:
    """I20: n=4, two fail: two pictures, two `failed` entries, no all-or-nothing."""
    drawn = whole({"created": 1, "data": [{"b64_json": base64.b64encode(FOX).decode()}]})
    refused = whole(refusal("moderation_blocked"), 400)
    provider.images(drawn, refused, drawn, refused)
    async with drawing_service(tmp_path, provider, image={"concurrency": 1}) as service:
        answer = await service.post(GENERATIONS, prompt="a fox", n=4)
        told = json.loads(answer.body)
        assert answer.status == 200
        assert len(told["data"]) == 2
        lines = told["limner"]["images"]
        assert [each["status"] for each in lines] == ["completed", "failed", "completed", "failed"]
        assert [each.get("code") for each in lines] == [None, "image_policy", None, "image_policy"]
        # Both are the same bytes of one tenant, and so one picture.
        assert told["data"][0]["url"] == told["data"][1]["url"]


async def test_what_was_asked_for_is_ordered_and_the_rest_is_as_configured(
    tmp_path: Path, provider: Provider
) -> None:
    """The request's word wins over the configuration; of size and ratio one says it all."""
    image = {"quality": "low", "aspect_ratio": "16:9", "style_sentence": "watercolour"}
    async with drawing_service(tmp_path, provider, image=image) as service:
        await service.drawn(prompt="a fox", size="512x512", quality="high", user="u", moderation="auto")
    (order,) = [each.json for each in provider.posts("/generations")]
    assert (order["size"], order["quality"]) == ("512x512", "high")
    assert order["prompt"] == "a fox\n\nStyle: watercolour"
    assert "aspect_ratio" not in order
    assert "user" not in order


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "empty": ({}, "missing_parameter", "prompt"),
    "no words": ({"prompt": " "}, "invalid_value", "prompt"),
    "too many": ({"prompt": "a fox", "n": 11}, "invalid_value", "n"),
    "unknown": ({"prompt": "a fox", "colour": "red"}, "unsupported_parameter", "colour"),
    "seed": ({"prompt": "a fox", "seed": 1}, "unsupported_parameter", "seed"),
    "provider": ({"prompt": "a fox", "provider": {}}, "unsupported_parameter", "provider"),
    "size": ({"prompt": "a fox", "size": "big"}, "invalid_value", "size"),
    "not taken": (
        {"prompt": "a fox", "model": "dall-e-3", "quality": "low"},
        "parameter_refused",
        "quality",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_no_model_takes_is_refused_by_its_name(
    tmp_path: Path, provider: Provider, case: str
) -> None:
    """Errors: 400 with `param`; nothing is ordered, and no run is begun."""
    body, code, param = REFUSED[case]
    async with drawing_service(tmp_path, provider) as service:
        with pytest.raises(Refusal) as caught:
            await service.post(GENERATIONS, **body)
        assert (caught.value.code, caught.value.param, caught.value.kind.status) == (code, param, 400)
        assert not caught.value.bought
        assert service.runs == []
    assert provider.requests == []


FAILURES: dict[str, tuple[Answer, str, bool]] = {
    "policy": (whole(refusal("moderation_blocked"), 400), "image_policy", False),
    "request": (whole(refusal("invalid_value"), 400), "upstream_bad_request", False),
    "quota": (whole(refusal("insufficient_quota"), 429), "upstream_quota", False),
    "key": (status(401), "upstream_auth", False),
    "broken": (status(500), "image_failed", True),
    "no picture": (whole({"created": 1, "data": []}), "image_failed", True),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_where_nothing_was_drawn_the_reason_is_said_and_whether_it_cost(
    tmp_path: Path, provider: Provider, case: str
) -> None:
    """S29: `x-should-retry: false` after what may have been billed; never the provider's words."""
    answer, code, bought = FAILURES[case]
    provider.images(answer)
    async with drawing_service(tmp_path, provider) as service:
        with pytest.raises(Refusal) as caught:
            await service.post(GENERATIONS, prompt="a fox")
        assert (caught.value.code, caught.value.bought) == (code, bought)
        assert "canary" not in str(caught.value)


async def test_s26_without_money_nothing_is_ordered(tmp_path: Path, provider: Provider) -> None:
    """S26: 429 budget_exceeded before any submission; 100 that race for the last unit get one picture."""
    budget = Budget(0.05)
    async with drawing_service(tmp_path, provider) as service:
        outcomes: list[tuple[str, int, bool]] = []

        async def ask() -> None:
            try:
                await service.post(GENERATIONS, prompt="a fox", budget=budget)
                outcomes.append(("drawn", 200, True))
            except Refusal as refused:
                outcomes.append((refused.code, refused.kind.status, refused.bought))

        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(ask)
        assert sorted(outcomes) == [("budget_exceeded", 429, False)] * 99 + [("drawn", 200, True)]
        assert budget.spent_usd == 0.04
    assert len(provider.posts("/generations")) == 1


async def test_money_for_some_of_the_pictures_draws_those(tmp_path: Path, provider: Provider) -> None:
    """DESIGN, decision 5: five pictures with money for three: three are drawn."""
    async with drawing_service(tmp_path, provider) as service:
        told = await service.drawn(prompt="a fox", n=5, budget=Budget(0.13))
        assert len(told["data"]) == 3
        codes = [each.get("code") for each in told["limner"]["images"]]
        assert codes == [None, None, None, "budget_exceeded", "budget_exceeded"]
        day = time.strftime("%Y-%m-%d", time.gmtime())
        assert await service.pictures.ledger.spent_usd("ada", day) == pytest.approx(0.12)


async def test_a_model_that_its_server_does_not_know_is_not_found(tmp_path: Path, provider: Provider) -> None:
    """Errors: an unknown model is 404, said where its server says so; nothing was bought."""
    provider.images(whole(refusal("model_not_found"), 404))
    async with drawing_service(tmp_path, provider) as service:
        for model, code in (("nobody/nothing", "model_not_found"), ("pictor-1", "upstream_bad_request")):
            with pytest.raises(Refusal) as caught:
                await service.post(GENERATIONS, prompt="a fox", model=model)
            assert (caught.value.code, caught.value.bought) == (code, False)
    assert [each.json["model"] for each in provider.posts("/generations")] == ["nobody/nothing", "pictor-1"]


async def test_only_models_that_are_offered_may_be_named(tmp_path: Path, provider: Provider) -> None:
    """`image_models`: patterns; the configured model is always among them."""
    async with drawing_service(tmp_path, provider, image_models=("studio/*",)) as service:
        for model in ("studio/one", "pictor-1", None):
            await service.drawn(prompt="a fox", **({"model": model} if model else {}))
        with pytest.raises(Refusal) as caught:
            await service.post(GENERATIONS, prompt="a fox", model="other/one")
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    models = [each.json["model"] for each in provider.posts("/generations")]
    assert models == ["studio/one", "pictor-1", "pictor-1"]


async def test_offline_the_painter_answers_to_every_name_and_says_so(tmp_path: Path) -> None:
    """`limner serve --offline`: each answer says that no image model is connected."""
    async with drawing_service(tmp_path, offline=True) as service:
        answer = await service.post(
            GENERATIONS, model="openai/dall-e-3", prompt="a red fox", n=2, size="512x512"
        )
        told = json.loads(answer.body)
        assert answer.headers["x-limner-offline"] == "true"
        assert told["limner"]["offline"] is True
        shown = [await service.pictures.get(each["url"]) for each in told["data"]]
        assert [each.content_type for each in shown] == ["image/png"] * 2
        # Painted from the prompt, and not the same picture twice.
        assert shown[0].body != shown[1].body


async def test_no_picture_is_painted_under_the_name_of_a_model_that_is_not_connected(tmp_path: Path) -> None:
    """Behaviour: it never falls back to offline silently."""
    async with drawing_service(tmp_path) as service:
        with pytest.raises(Refusal) as caught:
            await service.post(GENERATIONS, model="openai/dall-e-3", prompt="a red fox")
        assert caught.value.code == "model_not_found"
        told = await service.drawn(prompt="a red fox")
        assert told["limner"]["offline"] is True


async def test_a_client_that_leaves_gets_its_picture_when_it_asks_again(
    tmp_path: Path, provider: Provider
) -> None:
    """A client that leaves: what was ordered is received and kept; the same request goes on with the run."""
    gate, answers = Gate(), list[Any]()
    provider.images(
        whole({"created": 1, "data": [{"b64_json": base64.b64encode(FOX).decode()}]}, before=[gate])
    )
    async with drawing_service(tmp_path, provider) as service:

        async def again(run: str) -> None:
            answers.append(await service.drawn(prompt="a fox", resume_run=run))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: service.post(GENERATIONS, prompt="a fox"))
            with anyio.fail_after(20):
                await until(lambda: bool(provider.posts("/generations")))
            tasks.cancel_scope.cancel()
        (run,) = service.runs
        # While it is being drawn, and again when it has been told.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(again, run)
            for _ in range(50):
                await checkpoint()
            assert answers == []
            gate.open()
        with anyio.fail_after(20):
            await again(run)
        assert len(answers) == 2
        for told in answers:
            assert (await service.pictures.get(told["data"][0]["url"])).body == FOX
        assert service.runs == [run]
    assert len(provider.posts("/generations")) == 1


async def test_what_another_process_ordered_is_not_ordered_again(tmp_path: Path, provider: Provider) -> None:
    """DESIGN, decision 4: a submission without an outcome is never bought again silently; and it is said so."""
    gate = Gate()
    provider.images(whole({"created": 1, "data": []}, before=[gate]))
    async with drawing_service(tmp_path, provider, drain_s=0) as service, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: service.post(GENERATIONS, prompt="a fox"))
        with anyio.fail_after(20):
            await until(lambda: bool(provider.posts("/generations")))
        tasks.cancel_scope.cancel()
    (run,) = service.runs
    async with drawing_service(tmp_path, provider) as service:
        for _ in range(2):
            with pytest.raises(Refusal) as caught:
                await service.post(GENERATIONS, prompt="a fox", resume_run=run)
            assert (caught.value.code, caught.value.bought) == ("image_failed", True)
        day = time.strftime("%Y-%m-%d", time.gmtime())
        assert await service.pictures.ledger.spent_usd("ada", day) == pytest.approx(0.04)
    assert len(provider.posts("/generations")) == 1


async def test_a_run_that_nobody_knows_any_more_is_begun_anew(tmp_path: Path, provider: Provider) -> None:
    """Exchange, `resume_run`: begin a new one only if it is not known any more."""
    async with drawing_service(tmp_path, provider) as service:
        told = await service.drawn(prompt="a fox", resume_run="gone")
        assert len(told["data"]) == 1
        assert len(service.runs) == 1


async def test_s17_pictures_of_others_are_not_resembled(tmp_path: Path, provider: Provider) -> None:
    """S17: by link neither; a picture of one's own, and one in the request, are sent to the maker."""
    provider.answers(
        "/v1/images/edits", whole({"created": 1, "data": [{"b64_json": base64.b64encode(BOAT).decode()}]})
    )
    async with drawing_service(tmp_path, provider, image={"max_references": 2}) as service:
        own = await service.pictures.keep(FOX)
        link = service.pictures.links.link(own.id)
        data = f"data:image/png;base64,{base64.b64encode(FOX).decode()}"
        for url in (link, data):
            reference = {"type": "image_url", "image_url": {"url": url}}
            told = await service.drawn(prompt="a boat", input_references=[reference])
            assert len(told["data"]) == 1
        assert all(FOX in each.body for each in provider.posts("/edits"))
        assert len(provider.posts("/edits")) == 2
        wrong = {
            link: "eve",
            "data:image/png;base64,AAAA": "ada",
            "data:image/png;base64,%%%%": "ada",
            "http://127.0.0.1:1/fox.png": "ada",
            "http://169.254.169.254/latest/meta-data": "ada",
        }
        for url, tenant in wrong.items():
            reference = {"type": "image_url", "image_url": {"url": url}}
            with pytest.raises(Refusal) as caught:
                await service.post(GENERATIONS, tenant=tenant, prompt="a boat", input_references=[reference])
            assert (caught.value.code, caught.value.param) == ("invalid_value", "input_references[0]")
        assert len(provider.posts("/edits")) == 2


async def test_pictures_to_resemble_are_refused_where_no_model_takes_them(
    tmp_path: Path, provider: Provider
) -> None:
    """Errors: before anything is fetched."""
    reference = {"type": "image_url", "image_url": {"url": f"{provider.origin}/fox.png"}}
    async with drawing_service(tmp_path, provider) as service:
        with pytest.raises(Refusal) as caught:
            await service.post(GENERATIONS, prompt="a fox", input_references=[reference])
        assert (caught.value.code, caught.value.param) == ("parameter_refused", "input_references")
    assert provider.requests == []
