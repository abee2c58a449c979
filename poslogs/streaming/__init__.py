"""Everything between an entry and a socket."""
