"""Lists of models, judged by the published schemas and by the openai package's own types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.pagination import SyncPage
from openai.types import Model

from limner.wire.frames import json_bytes
from limner.wire.listings import (
    ImageModelFacts,
    ModelFacts,
    image_model_row,
    image_models,
    model_row,
    models,
)
from published import valid

anything = st.text(st.characters(exclude_categories=()))
words = st.lists(anything, max_size=3).map(tuple)
counts = st.none() | st.integers(0, 10**9)
chat_models = st.builds(
    ModelFacts,
    id=anything,
    created=st.integers(0, 2**40),
    owned_by=anything,
    name=anything,
    description=anything,
    context_length=counts,
    max_completion_tokens=counts,
    reads=words,
    writes=words,
    prompt_usd=st.none() | st.floats(0, 1),
    completion_usd=st.none() | st.floats(0, 1),
    parameters=words,
)
picture_models = st.builds(
    ImageModelFacts,
    id=anything,
    created=st.integers(0, 2**40),
    owned_by=anything,
    name=anything,
    description=anything,
    sizes=words,
    resolutions=words,
    aspect_ratios=words,
    qualities=words,
    styles=words,
    backgrounds=words,
    output_formats=words,
    moderations=words,
    compresses=st.booleans(),
    max_n=counts,
    max_references=counts,
)


def sent(value: dict[str, Any]) -> Any:
    return json.loads(json_bytes(value).decode())


@given(st.lists(chat_models, max_size=3))
def test_the_list_of_models_fits_both_services_schemas(facts: list[ModelFacts]) -> None:
    """Facts, clients: @openrouter/sdk refuses the list for one field that a row lacks."""
    answer = sent(models(model_row(each) for each in facts))
    valid("openai/models", answer)
    valid("openrouter/models", answer)
    assert answer["total_count"] == len(facts)
    page = SyncPage[Model].model_validate(answer)
    assert [model.object for model in page.data] == ["model"] * len(facts)


@given(st.lists(picture_models, max_size=3))
def test_the_list_of_image_models_fits_both_services_schemas(facts: list[ImageModelFacts]) -> None:
    """Wire sheet, 5.1: what a parameter takes is an enumeration, a range, or yes."""
    answer = sent(image_models(image_model_row(each) for each in facts))
    valid("openrouter/image_models", answer)
    valid("openai/models", answer)


def test_what_is_not_known_is_said_as_unknown() -> None:
    """A price of "0" would read as free; OpenRouter's own word for an open price is "-1"."""
    row = model_row(ModelFacts("openai/gpt-4o"))
    assert row["pricing"] == {"prompt": "-1", "completion": "-1"}
    assert (row["context_length"], row["name"], row["owned_by"]) == (None, "openai/gpt-4o", "openai")
    assert model_row(ModelFacts("llama"))["owned_by"] == "limner"
    assert model_row(ModelFacts("m", owned_by="us", name="M"))["owned_by"] == "us"


@pytest.mark.parametrize(
    ("usd", "written"), [(0.0, "0"), (1e-7, "0.0000001"), (0.0000025, "0.0000025"), (2.0, "2")]
)
def test_a_price_is_a_decimal_number_in_words(usd: float, written: str) -> None:
    """OpenRouter API reference, "Models": clients read it with a decimal library, "1e-07" is none."""
    assert model_row(ModelFacts("m", prompt_usd=usd))["pricing"]["prompt"] == written


def test_an_illustrated_model_writes_pictures() -> None:
    """Clients choose by modality."""
    row = model_row(ModelFacts("m", reads=("text", "image"), writes=("text", "image")))
    assert row["architecture"]["modality"] == "text+image->text+image"


def test_a_name_cannot_leave_its_path() -> None:
    """Links are made of names that configurations and upstreams say."""
    row = model_row(ModelFacts("a/b c?d#e"))
    assert row["links"]["details"] == "/api/v1/models/a/b%20c%3Fd%23e"


def test_an_image_model_says_what_each_parameter_takes() -> None:
    """GET /images/models: the catalogue, for programs."""
    row = image_model_row(
        ImageModelFacts(
            "openai/gpt-image-1",
            sizes=("1024x1024", "auto"),
            qualities=("low", "high"),
            compresses=True,
            max_n=10,
            max_references=16,
        )
    )
    assert row["supported_parameters"] == {
        "size": {"type": "enum", "values": ["1024x1024", "auto"]},
        "quality": {"type": "enum", "values": ["low", "high"]},
        "output_compression": {"type": "range", "min": 0, "max": 100},
        "n": {"type": "range", "min": 1, "max": 10},
        "input_references": {"type": "range", "min": 0, "max": 16},
    }
    assert row["architecture"] == {"input_modalities": ["text", "image"], "output_modalities": ["image"]}
    plain = image_model_row(ImageModelFacts("m", max_n=1))
    assert plain["supported_parameters"] == {}
    assert plain["architecture"]["input_modalities"] == ["text"]
