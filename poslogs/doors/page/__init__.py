"""The page: where people meet the server."""
