"""The Word report of a bundle."""
