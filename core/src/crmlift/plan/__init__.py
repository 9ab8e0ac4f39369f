"""The plan: one run that reads everything and writes nothing, so that its counts are the real ones."""
