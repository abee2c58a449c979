"""What callers can have done: a tool is one record in `table.py`; every door reads the same."""
