"""The mapping: its file, its approval, and the engine that turns records into rows."""
