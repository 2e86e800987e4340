"""Gateways: what stands between a client and its provider adds to a request."""

from .comparison import measured

__all__ = ["measured"]
