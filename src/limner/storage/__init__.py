"""Where pictures live: in memory, or in a folder."""

from __future__ import annotations

from .export import save_pictures
from .folder import FolderStorage
from .memory import MemoryStorage
from .protocol import Storage

__all__ = ["FolderStorage", "MemoryStorage", "Storage", "save_pictures"]
