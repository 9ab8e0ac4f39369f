"""Hand over what a CRM does not load: documents, and what to rebuild in its own terms."""
