"""Where pictures live: in memory, in a folder, or in the bucket of an object store."""

from __future__ import annotations

from .export import save_pictures
from .folder import FolderStorage
from .links import LinkSigner
from .memory import MemoryStorage
from .objects import ObjectStorage
from .protocol import Storage

__all__ = ["FolderStorage", "LinkSigner", "MemoryStorage", "ObjectStorage", "Storage", "save_pictures"]
