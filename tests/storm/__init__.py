"""A storm: very many readers that stall, leave and come back, and a few that watch what becomes of the others."""
