"""Records that are named by a code in the source: countries, states, languages."""

from __future__ import annotations

from functools import cached_property

from target_odoo.client import OdooClient


class Lookups:
    """Read once per run, on first use."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client

    @property
    def major(self) -> int:
        """The version of the server."""
        return self._client.version[0]

    @cached_property
    def country_ids(self) -> dict[str, int]:
        """Ids by ISO 3166 code ("DE")."""
        rows = self._client.call("res.country", "search_read", domain=[], fields=["code"])
        return {row["code"]: row["id"] for row in rows if row["code"]}

    @cached_property
    def country_codes(self) -> dict[int, str]:
        """Codes by id."""
        return {id_: code for code, id_ in self.country_ids.items()}

    @cached_property
    def state_ids(self) -> dict[str, int]:
        """Ids by country and state code, joined by a dash ("US-CA"): state codes alone repeat."""
        return {f"{country}-{code}": id_ for id_, country, code, _ in self._states}

    @cached_property
    def state_codes(self) -> dict[int, str]:
        """Codes with their country, by id."""
        return {id_: code for code, id_ in self.state_ids.items()}

    @cached_property
    def country_xmlids(self) -> dict[int, str]:
        """External ids of the countries by id; none unless all of them have one."""
        return self._xmlids("res.country", set(self.country_codes))

    @cached_property
    def state_xmlids(self) -> dict[int, str]:
        """External ids of the states by id; none unless all of them have one."""
        return self._xmlids("res.country.state", set(self.state_codes))

    def _xmlids(self, model: str, wanted: set[int]) -> dict[int, str]:
        domain = [["model", "=", model]]
        rows = self._client.call(
            "ir.model.data", "search_read", domain=domain, fields=["module", "name", "res_id"]
        )
        found = {row["res_id"]: f"{row['module']}.{row['name']}" for row in rows}
        return found if wanted <= found.keys() else {}

    @cached_property
    def langs(self) -> tuple[str, ...]:
        """Codes of the languages that are active; Odoo would take any text for others."""
        rows = self._client.call("res.lang", "search_read", domain=[["active", "=", True]], fields=["code"])
        return tuple(row["code"] for row in rows)

    def country(self, text: str) -> str | None:
        """Return the code of a country that is known by this code."""
        code = text.strip().upper()
        return code if code in self.country_ids else None

    def state(self, text: str, country: str | None) -> str | None:
        """Return "US-CA" for "US-CA", and for "CA", "ca" or "California" in the United States.

        Without the country, only a name or code that is there once.
        """
        wanted = text.strip().casefold()
        if wanted.upper() in self.state_ids:
            return wanted.upper()
        found = self._states_by_text.get(wanted, ())
        hits = {code for code in found if country is None or code.startswith(f"{country}-")}
        return hits.pop() if len(hits) == 1 else None

    def lang(self, text: str) -> str | None:
        """Return the active language for "de_DE", "de-DE" or "de": the same, else one of the same tongue."""
        wanted = text.strip().replace("-", "_").casefold()
        tongue = wanted.partition("_")[0]
        by_code = {code.casefold(): code for code in self.langs}
        same_tongue = [code for code in self.langs if code.casefold().partition("_")[0] == tongue]
        return by_code.get(wanted) or (same_tongue[0] if same_tongue else None)

    @cached_property
    def _states(self) -> list[tuple[int, str, str, str]]:
        rows = self._client.call(
            "res.country.state", "search_read", domain=[], fields=["code", "name", "country_id"]
        )
        return [
            (row["id"], self.country_codes[row["country_id"][0]], row["code"].upper(), row["name"])
            for row in rows
            if row["country_id"] and row["country_id"][0] in self.country_codes
        ]

    @cached_property
    def _states_by_text(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for _, country, code, name in self._states:
            for text in (code, name):
                found.setdefault(text.casefold(), set()).add(f"{country}-{code}")
        return found
