"""Queries: the table of cases that the server's module and the page's read alike, and what holds for any of them."""
