"""Sound as data, and the files it lives in."""
