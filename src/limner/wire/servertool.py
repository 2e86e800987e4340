"""The image server tool, as its clients name it."""

from __future__ import annotations

__all__ = ["IMAGE", "NATIVE_IMAGE", "SERVER_CALL"]

IMAGE = "openrouter:image_generation"
"""The server tool's type; no function can have this name."""
NATIVE_IMAGE = "image_generation"
"""The same in the words of the Responses API: accepted here too, because clients send one list of
tools to both endpoints, and refusing it would only make them spell it differently."""
SERVER_CALL = "reasoning.server_tool_call"
"""The type of a finished call in `reasoning_details`. Source: OpenRouter API reference, "Chat"."""
