"""The chat and image JSON shapes, both directions. Pure."""
