"""One small adapter per contestant; each runs in an environment of its own, and imports nothing of the others.

`python -m benchmarks.contestants NAME` takes orders on standard input (`orders.py`). An adapter is a module with
one function:

    async def opened(base_url: str, *, concurrency: int) -> Contestant

Everything that a program would make once (clients, agents) is made there; a conversation is made for each
order. All are given the same instructions, the same tool, and a dictionary in memory to keep pictures in.
"""
