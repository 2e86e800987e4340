"""The one loop, and what owns it: recorders, conversations, purchases in flight."""
