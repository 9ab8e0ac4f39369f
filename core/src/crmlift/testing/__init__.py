"""What a target's own tests need: an in-memory CRM and the conformance suite."""
