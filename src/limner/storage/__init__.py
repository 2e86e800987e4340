"""Where pictures live: in memory, or in a folder."""
