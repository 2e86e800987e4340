"""The way in and out: doors, limits, bodies, and answers at their readers' pace."""
