"""Data -> weights. One file or folder per family, all of one shape; loop.py drives them."""
