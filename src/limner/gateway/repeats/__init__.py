"""One execution per request, however often it is sent."""
