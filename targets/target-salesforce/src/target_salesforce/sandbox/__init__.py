"""A local stand-in for Salesforce Sales Cloud, for rehearsals, tests and the demo.

It speaks OAuth, REST, sObject Collections, Composite, Bulk API 2.0 and Metadata REST deploy, and shows
the quirks, limits and error bodies that a migration meets. It knows nothing of the client that talks to it.
"""

from target_salesforce.sandbox.app import create_app

__all__ = ["create_app"]
