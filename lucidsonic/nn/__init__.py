"""Torch parts that several families share."""
