"""A local stand-in for Odoo, for rehearsals, tests and the demo.

It speaks JSON-2, XML-RPC and JSON-RPC and shows the quirks, limits and error bodies of Odoo 19 Community that
a migration meets. It knows nothing of the client that talks to it.
"""

from target_odoo.sandbox.app import create_app

__all__ = ["create_app"]
