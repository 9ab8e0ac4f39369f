"""Singer tap for Customer.io, with a local sandbox of its APIs and a generated workspace."""
