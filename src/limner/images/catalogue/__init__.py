"""Image models as data: what each takes, what it costs, and one function that holds requests against it."""

from .describe import Described, describe
from .load import Catalogue, load_catalogue
from .model import ANY, ImageModel, Provider, Retirement
from .prices import cost_from_usage, pictures_usd, price_at_most_usd
from .resolve import check_always, resolve, retirement_notes, shape_of
from .shapes import AUTO, Shape, Size

__all__ = [
    "ANY",
    "AUTO",
    "Catalogue",
    "Described",
    "ImageModel",
    "Provider",
    "Retirement",
    "Shape",
    "Size",
    "check_always",
    "cost_from_usage",
    "describe",
    "load_catalogue",
    "pictures_usd",
    "price_at_most_usd",
    "resolve",
    "retirement_notes",
    "shape_of",
]
