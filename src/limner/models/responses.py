"""Any endpoint of the Responses API, streamed and whole."""

from __future__ import annotations

from limner.wire.responses.stream import ResponsesAnswer
from limner.wire.responses.upstream import responses_body, without_reasoning

from .http import HTTPModel, Speech

__all__ = ["ResponsesModel"]


class ResponsesModel(HTTPModel):
    """A chat model that is asked through the Responses API.

    The provider is told to store nothing; what the model thought goes back to it encrypted, beside the calls that
    need it. `extra_body` is in the words of this API.
    """

    speech = Speech(
        path="/responses",
        write=responses_body,
        answering=ResponsesAnswer,
        # A model that does not think has no thoughts to encrypt, and says so with a 400.
        dispensable={
            "include": (
                "'include'",
                '"include"',
                "`include`",
                "include[",
                "encrypted content is not supported",
                "reasoning.encrypted_content",
            )
        },
        mended=without_reasoning,
    )
