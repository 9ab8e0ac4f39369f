"""Propose which CRM field an attribute belongs to: evidence from names and values, weighed in one place."""
