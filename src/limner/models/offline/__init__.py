"""The chat model that needs no key and no network: it plans from the request alone."""

from .model import OfflineModel
from .plan import plan

__all__ = ["OfflineModel", "plan"]
