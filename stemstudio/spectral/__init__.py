"""Time and frequency."""
