"""Side-by-side measurements of poslogs and its peers; README.md beside this file tells how to run and read them."""
