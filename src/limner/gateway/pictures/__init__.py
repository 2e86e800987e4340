"""Pictures by their links: kept ones, promised ones, and those that could not be drawn."""

from .endpoint import PictureEndpoint
from .placeholder import placeholder
from .promises import Promises

__all__ = ["PictureEndpoint", "Promises", "placeholder"]
