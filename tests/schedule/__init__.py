"""Tests that choose the order: the streaming core on greenlets whose every change of turn comes from a seed."""
