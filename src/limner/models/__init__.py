"""Chat models: the protocol, OpenAI-compatible endpoints, and the offline model."""
