"""Who may read, and how much: tokens, rates, slots."""
