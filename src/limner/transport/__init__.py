"""How a request reaches a provider: the client, its retries, its errors."""
