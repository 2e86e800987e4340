"""The HTTP service: one call in, one illustrated reply out, for any client in any language."""
