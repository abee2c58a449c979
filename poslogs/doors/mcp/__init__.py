"""The Model Context Protocol at /mcp, both eras; what is offered there stands in poslogs.agents."""
