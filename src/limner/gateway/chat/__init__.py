"""`POST /chat/completions`: one call in, one illustrated reply out."""

from .endpoint import ChatEndpoint

__all__ = ["ChatEndpoint"]
