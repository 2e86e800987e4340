"""Whether bytes are a picture that can be trusted: asked before anything else reads them."""

from .checking import MAX_BYTES as MAX_BYTES
from .checking import Inspected as Inspected
from .checking import inspect as inspect
from .checking import is_whole as is_whole
