"""Side-by-side measurements of poslogs and its peers; README.md in this folder says how to run and read them."""
