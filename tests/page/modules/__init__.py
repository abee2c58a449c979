"""The page's modules by themselves, imported on a page of the real server in real Chromium."""
