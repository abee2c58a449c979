"""What agents are offered: tools that end, resources and prompts. No module here knows which protocol carries them."""
