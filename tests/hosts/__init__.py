"""Hosts: what holds under configurations that are not ours."""
