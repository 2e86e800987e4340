"""A worker that never reads and never answers: `python -m mute_worker`."""

from __future__ import annotations

import threading

if __name__ == "__main__":
    threading.Event().wait()
