"""`make bench`: speed and calls as ratios of one run; single figures of a noisy machine mean little.

`python benchmarks [overhead] [calls] [pace] [odoo] [odoo-rows] [salesforce] [scope] [propose]` runs some of
them; without names, all but those that take long (`warehouse`, `memory_file`, `salesforce-million`).
"""

from __future__ import annotations

import sys
from importlib import import_module

BENCHES = {
    "overhead": "overhead",
    "calls": "calls",
    "pace": "pace",
    "odoo": "real_odoo",
    "odoo-rows": "real_odoo_rows",
    "salesforce": "salesforce",
    "scope": "scope",
    "propose": "propose",
}
LONG = {
    "warehouse": "warehouse",
    "memory_file": "memory_file",
    "salesforce-million": "salesforce_million",
}

if __name__ == "__main__":
    for name in sys.argv[1:] or BENCHES:
        import_module((BENCHES | LONG)[name]).main()
