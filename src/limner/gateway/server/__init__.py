"""HTTP/1.1 under deadlines and limits: uvicorn's protocol, guarded, and a server that drains."""
