"""The song as the musician has cut it."""
