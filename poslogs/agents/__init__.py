"""What agents are offered: tools that end, resources and prompts. How they travel, no module here knows."""
