"""Pictures by their links: kept ones, promised ones, and those that could not be drawn."""

from .endpoint import PictureEndpoint
from .placeholder import placeholder
from .promises import Promises
from .settling import Settling

__all__ = ["PictureEndpoint", "Promises", "Settling", "placeholder"]
