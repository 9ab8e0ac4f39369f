"""Singer target for Odoo, on crmlift."""
