"""Queries: which entries one wants, as a line of text. `parser.parse` reads one; a `Query` says what it holds for."""
