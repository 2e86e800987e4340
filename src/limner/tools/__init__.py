"""What the model may call: the image tool, the application's own tools, and those that the caller executes."""

from __future__ import annotations

from .image import ImageTool
from .tool import Tool, ToolPicture, ToolResult

__all__ = ["ImageTool", "Tool", "ToolPicture", "ToolResult"]
