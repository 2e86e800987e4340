"""Picture makers: the protocol, OpenAI-compatible endpoints, the offline painter, and the inspection of bytes."""
