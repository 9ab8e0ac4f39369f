"""The rehearsal: a few people with all that hangs on them, loaded and laid side by side with the source."""
