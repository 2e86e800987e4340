"""Work that would hold up the event loop or could break the process: in processes of its own."""
