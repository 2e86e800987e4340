"""Chat Completions: what providers are asked and answer, and what our own clients do."""
