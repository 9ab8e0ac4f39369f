"""What a fresh Odoo database holds: countries, languages, users, modules, and the models' descriptions."""

from __future__ import annotations

from collections.abc import Sequence

from babel import Locale

from target_odoo.sandbox.access import ADMIN, LIMITED
from target_odoo.sandbox.models import models_of
from target_odoo.sandbox.orm import Database, Env, root
from target_odoo.sandbox.registry import Registry, automatic
from target_odoo.sandbox.technical import add_field

MODULES = (
    "base",
    "web",
    "mail",
    "contacts",
    "crm",
    "crm_iap_enrich",
    "mass_mailing",
    "base_automation",
    "sms",
)
LANGS = {
    "en_US": "English (US)",
    "de_DE": "German / Deutsch",
    "fr_FR": "French / Français",
    "es_ES": "Spanish / Español",
    "it_IT": "Italian / Italiano",
    "pt_BR": "Portuguese (BR) / Português (BR)",
    "pt_PT": "Portuguese / Português",
}
STATES = {
    "US": "AL Alabama,AK Alaska,AZ Arizona,AR Arkansas,CA California,CO Colorado,CT Connecticut,DE Delaware,"
    "DC District of Columbia,FL Florida,GA Georgia,HI Hawaii,ID Idaho,IL Illinois,IN Indiana,IA Iowa,"
    "KS Kansas,KY Kentucky,LA Louisiana,ME Maine,MD Maryland,MA Massachusetts,MI Michigan,MN Minnesota,"
    "MS Mississippi,MO Missouri,MT Montana,NE Nebraska,NV Nevada,NH New Hampshire,NJ New Jersey,"
    "NM New Mexico,"
    "NY New York,NC North Carolina,ND North Dakota,OH Ohio,OK Oklahoma,OR Oregon,PA Pennsylvania,"
    "RI Rhode Island,"
    "SC South Carolina,SD South Dakota,TN Tennessee,TX Texas,UT Utah,VT Vermont,VA Virginia,WA Washington,"
    "WV West Virginia,WI Wisconsin,WY Wyoming",
    "DE": "BW Baden-Württemberg,BY Bavaria,BE Berlin,BB Brandenburg,HB Bremen,HH Hamburg,HE Hesse,"
    "MV Mecklenburg-Western Pomerania,NI Lower Saxony,NW North Rhine-Westphalia,RP Rhineland-Palatinate,"
    "SL Saarland,SN Saxony,ST Saxony-Anhalt,SH Schleswig-Holstein,TH Thuringia",
    "CA": "AB Alberta,BC British Columbia,MB Manitoba,NB New Brunswick,NL Newfoundland and Labrador,"
    "NS Nova Scotia,ON Ontario,PE Prince Edward Island,QC Quebec,SK Saskatchewan",
    "BR": "BA Bahia,CE Ceará,DF Distrito Federal,MG Minas Gerais,PR Paraná,PE Pernambuco,RJ Rio de Janeiro,"
    "RS Rio Grande do Sul,SC Santa Catarina,SP São Paulo",
    "IT": "CA Cagliari,MI Milano,NA Napoli,RM Roma,TO Torino",
    "ES": "B Barcelona,CA Cádiz,M Madrid,SE Sevilla,V Valencia",
}
_NO_COUNTRIES = {"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}


def fill(db: Database, langs: Sequence[str]) -> None:
    """Fill an empty database; restore the custom models and fields of one that is not empty."""
    if db.store.ids("res.users", "1", []):
        restore(db)
        return
    env = root(Env(db, ADMIN))
    with db.store.transaction():
        _countries(env)
        _users(env)
        env["res.lang"].create([
            {"code": code, "name": name, "iso_code": code, "active": code in langs}
            for code, name in LANGS.items()
        ])  # fmt: skip
        env["ir.module.module"].create([
            {"name": name, "state": "installed", "latest_version": f"{db.major}.0.1.0"} for name in MODULES
        ])  # fmt: skip
        env["ir.config_parameter"].create([{"key": "crm.iap.lead.enrich.setting", "value": "auto"}])
        _describe_models(db)
        _grant_all(env)
        view = env["ir.ui.view"].create(
            [{"name": "res.partner.form", "model": "res.partner", "type": "form"}]
        )
        env["ir.model.data"].create([
            {"module": "base", "name": "view_partner_form", "model": "ir.ui.view", "res_id": view[0]},
            {"module": "base", "name": "model_res_partner", "model": "ir.model",
             "res_id": env["ir.model"].search([["model", "=", "res.partner"]])[0]},
            {"module": "contacts", "name": "menu_contacts", "model": "ir.ui.menu",
             "res_id": env["ir.ui.menu"].create([{"name": "Contacts"}])[0]},
            {"module": "mail", "name": "mt_note", "model": "mail.message.subtype",
             "res_id": env["mail.message.subtype"].create([{"name": "Note"}])[0]},
        ])  # fmt: skip


def _countries(env: Env) -> None:
    territories = {str(code): name for code, name in Locale("en").territories.items()}
    codes = sorted(c for c in territories if len(c) == 2 and c.isalpha() and c not in _NO_COUNTRIES)
    ids = env["res.country"].create([{"code": code, "name": territories[code]} for code in codes])
    by_code = dict(zip(codes, ids, strict=True))
    env["res.country.state"].create([
        {"country_id": by_code[country], "code": entry.partition(" ")[0], "name": entry.partition(" ")[2]}
        for country, entries in STATES.items()
        for entry in entries.split(",")
    ])  # fmt: skip


def _users(env: Env) -> None:
    quiet = env.quiet(tracking_disable=True, tz=False)
    env["res.company"].create([{"name": "My Company"}])
    groups = ("Administration / Settings", "Internal User", "Contact Creation")
    ids = env["res.groups"].create([{"name": name} for name in groups])
    names = ("group_system", "group_user", "group_partner_manager")
    env["ir.model.data"].create([
        {"module": "base", "name": name, "model": "res.groups", "res_id": id_}
        for name, id_ in zip(names, ids, strict=True)
    ])  # fmt: skip
    partners = quiet["res.partner"].create([
        {"name": "My Company", "is_company": True},
        {"name": "System"},
        {"name": "Administrator"},
        {"name": "Clerk"},
    ])  # fmt: skip
    logins = {1: ("__system__", 1), ADMIN: ("admin", 2), LIMITED: ("clerk", 3)}
    env.db.store.next_ids("res.users", LIMITED)
    for id_, (login, partner) in logins.items():
        user = {
            "login": login,
            "name": login,
            "active": True,
            "lang": "en_US",
            "partner_id": partners[partner],
        }
        env.db.store.put("res.users", [(id_, user)])
    members = "all_user_ids" if env.db.major >= 19 else "users"
    env["res.groups"].browse(ids).write({members: [[6, 0, [ADMIN]]]})
    env["res.groups"].browse(ids[1:]).write({members: [[4, LIMITED]]})


def _grant_all(env: Env) -> None:
    """Give administrators every right on every model."""
    settings = env["res.groups"].search([], limit=1)[0]
    rights = {f"perm_{name}": True for name in ("read", "write", "create", "unlink")}
    env["ir.model.access"].create([
        {"name": "settings", "model_id": model_id, "group_id": settings, **rights}
        for model_id in env["ir.model"].search([])
    ])  # fmt: skip


def _describe_models(db: Database) -> None:
    for name, fields in list(db.registry.models.items()):
        model_id = db.store.next_ids("ir.model", 1)[0]
        title = "Contact" if name == "res.partner" else name
        db.store.put("ir.model", [(model_id, {"name": title, "model": name, "state": "base"})])
        ids = db.store.next_ids("ir.model.fields", len(fields))
        db.store.put("ir.model.fields", [
            (id_, {
                "name": field, "model": name, "model_id": model_id, "ttype": f.type, "state": "base",
                "field_description": f.string, "relation": f.relation, "index": f.index,
            })
            for id_, (field, f) in zip(ids, fields.items(), strict=True)
        ])  # fmt: skip


def restore(db: Database) -> None:
    """Make the registry say what the database says, as after a start or an undone call."""
    db.registry = Registry(models_of(db.major))
    env = root(Env(db, ADMIN))
    for row in env["ir.model"].search_read([["state", "=", "manual"]]):
        db.registry.models.setdefault(row["model"], automatic())
    for row in env["ir.model.fields"].search_read([["state", "=", "manual"]]):
        options = env["ir.model.fields.selection"].search_read([["field_id", "=", row["id"]]])
        add_field(db, row, tuple((o["value"], o["name"]) for o in options))
