"""The one guarded download: no other code opens a link that came from outside."""

from .guarded import download
from .picture import fetch_picture
from .resolver import Resolver

__all__ = ["Resolver", "download", "fetch_picture"]
