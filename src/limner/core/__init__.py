"""What a conversation is, and what it wants next. Pure: no I/O, no clock, no randomness, no logging."""
