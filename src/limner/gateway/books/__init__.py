"""What a process records of its turns, and what it tells the ledger."""
