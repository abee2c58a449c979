"""Everything that knows platformOS."""
