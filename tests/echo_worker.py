"""A worker that answers with what it was asked: `python -m echo_worker`."""

from __future__ import annotations

from limner.images.workers.serving import serve

if __name__ == "__main__":
    serve(lambda head, body: (head, body))
