"""Whether bytes are a picture that can be trusted: asked before anything else reads them."""

from .checking import STILL_FORMATS as STILL_FORMATS
from .checking import Inspected as Inspected
from .checking import glance as glance
from .checking import inspect as inspect
from .checking import is_whole as is_whole
from .limits import MAX_BYTES as MAX_BYTES
from .limits import MAX_PIXELS as MAX_PIXELS
