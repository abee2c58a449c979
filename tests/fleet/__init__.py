"""A fleet: several processes over one Redis are one service. Each promise has a file."""
