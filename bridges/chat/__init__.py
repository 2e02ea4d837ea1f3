"""A spoken conversation: listening -> language model -> voice -> video, each while the one before still works."""
