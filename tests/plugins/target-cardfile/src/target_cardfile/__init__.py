"""A Singer target for Cardfile."""
