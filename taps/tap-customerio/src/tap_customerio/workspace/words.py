"""What the invented workspace is made of. Addresses and numbers are reserved for examples."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A city with all that hangs on it; `phone` is a range reserved for fiction, `{}` two digits."""

    country: tuple[str, ...]
    language: str
    timezone: str
    city: str
    state: str
    postal_code: str
    street: str
    phone: str


PLACES = [
    Place(
        ("DE", "Germany", "Deutschland"),
        "de",
        "Europe/Berlin",
        "Berlin",
        "BE",
        "10117",
        "Lindenweg",
        "+49 171 39200{}",
    ),
    Place(
        ("DE", "Germany", "Deutschland"),
        "de",
        "Europe/Berlin",
        "Köln",
        "NW",
        "50667",
        "Domstraße",
        "+49 171 39201{}",
    ),
    Place(
        ("US", "United States", "USA"),
        "en",
        "America/New_York",
        "Boston",
        "MA",
        "02108",
        "Elm Street",
        "+1 202 555 01{}",
    ),
    Place(
        ("US", "United States", "U.S."),
        "en-US",
        "America/Los_Angeles",
        "Portland",
        "OR",
        "97201",
        "Oak Avenue",
        "+1 503 555 01{}",
    ),
    Place(
        ("GB", "United Kingdom", "UK"),
        "en-GB",
        "Europe/London",
        "Leeds",
        "ENG",
        "LS1 4DY",
        "Mill Lane",
        "+44 7700 9001{}",
    ),
    Place(
        ("BR", "Brazil", "Brasil"),
        "pt-BR",
        "America/Sao_Paulo",
        "São Paulo",
        "SP",
        "01310-100",
        "Rua das Flores",
        "+1 305 555 01{}",
    ),
    Place(("FR", "France"), "fr", "Europe/Paris", "Lyon", "ARA", "69002", "Rue du Parc", "+33 1 99 00 12 {}"),
    Place(
        ("IL", "Israel", "ישראל"),
        "he",
        "Asia/Jerusalem",
        "Haifa",
        "HA",
        "3100000",
        "Herzl",
        "+1 415 555 01{}",
    ),
    Place(("JP", "Japan", "日本"), "ja", "Asia/Tokyo", "Osaka", "27", "530-0001", "Umeda", "+1 808 555 01{}"),
]

FIRST = [
    "Ada", "Amara", "Bruno", "Chloé", "Daniel", "Elif", "Farid", "Greta", "Hana", "Igor", "Jana", "Kofi",
    "Lena", "Mateus", "Noa", "Oskar", "Priya", "Quentin", "Rosa", "Søren", "Tomás", "Uma", "Viktor",
    "Wanda", "Yusuf", "Zoë",
]  # fmt: skip
LAST = [
    "Abbott", "Almeida", "Becker", "Castillo", "Dvořák", "Eriksen", "Fontaine", "García", "Haddad", "Ito",
    "Jansen", "Kowalski", "Lindqvist", "Müller", "Novak", "O'Neill", "Park", "Quist", "Romano",
    "Şahin", "Tanaka", "Ueda", "van der Berg", "Weiß", "Young", "Zamora",
]  # fmt: skip
JOBS = [
    "Head of Sales",
    "Account Executive",
    "CTO",
    "Founder",
    "Marketing Manager",
    "Office Manager",
    "Buyer",
]
STAGES = ["subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "customer", "evangelist"]
PLANS = ["free", "starter", "pro", "enterprise"]
BIOS = [
    "Loves spreadsheets 📊 and strong coffee ☕",
    "Builder 👷‍♀️, gardener 🌱, father of two 👨‍👧‍👦",
    "אוהבת טיולים ומוזיקה",
    "مهندس برمجيات من بيروت",
    'Says "quotes", commas; and\nnew lines',
    "営業一筋二十年",
]
COMPANY = [
    "Acorn",
    "Bluefin",
    "Cinder",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Kestrel",
]
COMPANY_KIND = ["Labs", "Logistics", "Software", "Foods", "Studio", "Energy", "Partners"]
INDUSTRIES = ["Software", "Retail", "Manufacturing", "Health", "Education", "Transport", "Energy"]
PRODUCTS = ["Notebook", "Desk lamp", "Backpack", "Water bottle", "Headphones", "Bicycle light"]
PAGES = ["", "pricing", "docs/start", "blog/launch", "contact", "checkout"]
SCREENS = ["Home", "Settings", "Orders", "Profile"]
EVENTS = [
    "order_placed",
    "product_viewed",
    "trial_started",
    "feature_used",
    "invoice_paid",
    "Ticket Opened",
    "demo_booked",
]
