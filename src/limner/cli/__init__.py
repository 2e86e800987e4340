"""The command line: `limner ask`, `limner resume`, `limner image`, `limner models`."""
