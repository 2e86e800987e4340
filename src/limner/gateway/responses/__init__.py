"""The Responses API: its endpoints, and the responses that are kept to be gone on with."""
