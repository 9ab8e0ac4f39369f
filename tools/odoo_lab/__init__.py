"""A real Odoo 19 and a private PostgreSQL, without Docker, for tests.

Everything lives in one folder of the cache and is started and stopped by process id. Only the
standard library is used, so that the system's Python runs it before anything is installed.
"""

from odoo_lab.lab import DEFAULT_DATABASE, Lab
from odoo_lab.system import LabError

__all__ = ["DEFAULT_DATABASE", "Lab", "LabError"]
