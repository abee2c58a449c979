"""Fuzz: whatever comes from callers or from platformOS, the answers stay in shape and the streams alive."""
