"""Windows of their own: one file a dialog, by the words in its title bar."""
