"""Pictures without a chat."""
