"""The Responses API: what providers are asked and answer, and what our own clients do."""
