"""From stems to what is heard."""
