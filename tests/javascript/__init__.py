"""JavaScript: what it is checked by, and tests of the page's modules that need no browser."""
