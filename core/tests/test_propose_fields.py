"""Which field an attribute belongs to, by its name and its values."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from crmlift.commands import cli
from crmlift.errors import ConfigError
from crmlift.propose import meaning
from crmlift.propose.attributes import read_traits
from crmlift.propose.evidence import LABELS, Trait
from crmlift.propose.proposer import judge
from crmlift.propose.text import tokens

DATA = Path(__file__).parent / "data"


def best(name: str, *values: str) -> str:
    return judge([Trait(name, values)], use_meaning=False)[0].best


def band(name: str, *values: str) -> str:
    return judge([Trait(name, values)], use_meaning=False)[0].band


def write_csv(path: Path, *rows: tuple[str, str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("trait", "sample_values_json"), *rows])
    return path


def test_a_list_of_attributes_is_answered_in_its_order_without_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_csv(tmp_path / "a.csv", ("zip", '["10115", "20095"]'), ("email", '["a@example.com"]'))
    answer = json.loads(CliRunner().invoke(cli, ["propose", "--attributes", str(path), "--json"]).output)
    assert [entry["trait"] for entry in answer] == ["zip", "email"]
    for entry in answer:
        assert entry["band"] in ("sure", "look", "decide")
        confidences = [candidate["confidence"] for candidate in entry["candidates"]]
        assert confidences == sorted(confidences, reverse=True)
        assert {candidate["field"] for candidate in entry["candidates"]} <= set(LABELS)
    assert "none" in [candidate["field"] for candidate in answer[0]["candidates"]]
    assert answer[1]["candidates"][0]["evidence"]


def test_evidence_quotes_no_value():
    (verdict,) = judge([Trait("contact", ["Quentin Vandermeer", "Odile Brasseur"])])
    assert "Vandermeer" not in str(verdict)


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("user.givenName", ["Ana", "Tom"], "first_name"),
        ("cio_surname", ["Okafor", "Lind"], "last_name"),
        ("Postleitzahl", ["10115", "20095"], "postal_code"),
        ("numero_de_telephone", ["01 55 50 01 23"], "phone"),
        ("código_postal", ["28013", "41004"], "postal_code"),
        ("nome_da_empresa", ["Globex", "Hooli"], "company"),
        ("geboortedatum", ["03-07-1978", "21-11-1992"], "birthday"),
        ("województwo", ["mazowieckie", "lubelskie"], "state"),
        ("dogum_tarihi", ["12.05.1989", "01.01.1970"], "birthday"),
        ("会社名", ["株式会社サンプル"], "company"),
        ("手机号", ["13855550123"], "mobile"),
        ("البريد", ["a@example.com"], "email"),
        ("должность", ["Директор", "Юрист"], "job_title"),
        ("회사명", ["주식회사 예시"], "company"),
        ("adress", ["12 High Street", "4 Mill Lane"], "street"),
        ("Kundentelefon", ["030 5550123", "040 5550188"], "phone"),
        ("부서명", ["영업팀", "마케팅팀"], "department"),
        ("hs_last_nm", ["Whitcombe", "Delacroix"], "last_name"),
        ("mailing_pstl_cd", ["98101", "02139-4307"], "postal_code"),
        ("no_of_emp", ["8", "64", "1,500"], "employees"),
        ("acct_creatd_on", ["2024-02-29", "2018-07-12"], "created_at"),
        ("отписался_от_рассылки", ["нет", "да"], "email_opt_out"),
        ("clt_desabo_mail", ["O", "N"], "email_opt_out"),
        ("photo_release_optin", ["yes", "no"], "none"),
        ("unsubcribed_from_mail", ["N", "Y"], "email_opt_out"),
        ("What is your company called?", ["Pebblewise", "The Mill Bakery"], "company"),
        ("What's your cell number?", ["(404) 555-0139", "404-555-0104"], "mobile"),
        ("従業員数", ["50名", "300名"], "employees"),
        ("effectif_entreprise", ["10-49 salariés", "250+ salariés"], "employees"),
        ("yillik_ciro", ["10-50 milyon TL", "50 milyon TL üzeri"], "annual_revenue"),
        ("hs_timezone", ["us_slash_eastern", "europe_slash_paris"], "timezone"),
        ("stripe_customer_id", ["cus_Na1b2c3d", "cus_Ok7h8i9j"], "external_id"),
    ],
)
def test_names_are_known_in_many_languages_and_spellings(name, values, field):
    assert best(name, *values) == field


def test_values_that_can_be_nothing_else_overrule_the_name():
    assert (
        best("job_title", "Pinegrove Analytics Inc.", "Harrowgate Logistics Ltd", "Zelmora GmbH") == "company"
    )
    assert best("addr4", "SW1A 1AA", "M1 1AE", "EH1 1YZ") == "postal_code"
    assert best("website", "+1 415 555 0155", "+1 650 555 0102") == "phone"
    assert best("first_name", "Ines Kowalski", "Tom Berger", "Sarah-Jane Whitlock") == "full_name"
    assert band("first_name", "Hoffmann", "Schmidt", "Nowakowski") != "sure"


def test_an_unknown_attribute_is_worth_a_look_and_not_a_decision():
    assert (best("gizmo", "x"), band("gizmo", "x")) == ("none", "look")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (["q@example.com", "r@example.org"], "email"),
        (["Berlin", "Madrid", "Lyon", "Osaka"], "city"),
        (["Germany", "France", "Japan"], "country"),
        (["Europe/Paris", "Asia/Tokyo"], "timezone"),
        (["en-US", "de-DE"], "language"),
        (["Sales Director", "Software Engineer", "CFO"], "job_title"),
        (["12 Main Street", "9 Elm Road"], "street"),
        (["https://www.linkedin.com/in/a-example"], "linkedin"),
        (["Acme Ltd", "Nordwind GmbH"], "company"),
    ],
)
def test_an_opaque_name_is_judged_by_its_values_and_never_sure_of_a_word(values, field):
    assert best("attr_17", *values) == field
    assert band("attr_17", *values) != "sure" or field in ("email", "linkedin")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("email", ["2023-01-01", "2023-02-02"]),
        ("email_count", ["3", "18"]),
        ("phone", ["true", "false"]),
        ("company_id", ["991", "992"]),
        ("first_seen", ["2023-01-01T00:00:00Z"]),
        ("last_order_city", ["Chicago", "Boston"]),
        ("country_visits", ["3", "11"]),
        ("state", ["active", "trial"]),
        ("language", ["Python", "Ruby"]),
        ("title", ["Mr", "Ms", "Dr"]),
        ("plan", ["pro", "free"]),
        ("utm_source", ["google", "bing"]),
        ("sms_opt_out", ["true", "false"]),
        ("attr_2", ["0", "1", "0"]),
        ("phone_country", ["US", "GB"]),
        ("signup_country", ["US", "DE"]),
        ("employees_invited", ["3", "1"]),
        ("manager_email", ["boss@example.com", "lead@example.org"]),
        ("timezone_offset", ["-480", "60"]),
        ("pet_name", ["Rex", "Milo"]),
        ("assigned_csm_email", ["csm@example.com"]),
        ("E-Mail des Vorgesetzten", ["chef@example.com"]),
        ("cart_created_at", ["2024-03-03T12:10:00Z"]),
        ("company_created_at", ["2019-04-01", "2021-10-10"]),
        ("estado", ["activo", "suspendido"]),
        ("warehouse_postcode", ["NN4 7YE", "WF10 5QH"]),
    ],
)
def test_a_name_that_the_values_or_its_other_words_belie_is_no_field(name, values):
    assert best(name, *values) == "none"


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("unsubscribed", ["true", "false"], "email_opt_out"),
        ("not_unsubscribed", ["true", "false"], "email_opt_in"),
        ("accepts_marketing", ["true", "false"], "email_opt_in"),
        ("do_not_email", ["yes", "no"], "email_opt_out"),
        ("dont_not_email", ["yes", "no"], "email_opt_in"),
        ("HasOptedOutOfEmail", ["false", "true"], "email_opt_out"),
        ("newsletter", ["ja", "nein"], "email_opt_in"),
        ("keine_werbung", ["ja", "nein"], "email_opt_out"),
        ("no_quiero_correos", ["sí", "no"], "email_opt_out"),
        ("desabonne", ["oui", "non"], "email_opt_out"),
        ("marketing_emails_disabled", ["true", "false"], "email_opt_out"),
        ("can_contact", ["true", "false"], "email_opt_in"),
        ("aceita_emails", ["sim", "não"], "email_opt_in"),
        ("配信停止", ["true", "false"], "email_opt_out"),
        ("email_permission_status", ["opted_in", "opted_out"], "email_opt_in"),
        ("whatsapp_opt_in", ["true", "false"], "none"),
        ("unsubscribed_at", ["2023-01-01T00:00:00Z"], "none"),
        ("unsubscribe_reason", ["too many", "moved away"], "none"),
    ],
)
def test_consent_gets_its_polarity_from_a_rule(name, values, field):
    assert best(name, *values) == field


def test_consent_is_never_sure():
    traits = [
        row for row in read_traits(DATA / "fields-held-out.csv") if "opt" in row.name or "sub" in row.name
    ]
    verdicts = judge([*traits, Trait("email_opt_out", ["true", "false"])])
    consent = [verdict for verdict in verdicts if verdict.best.startswith("email_opt")]
    assert consent
    assert all(verdict.band != "sure" for verdict in consent)


def test_without_values_nothing_is_sure():
    assert band("email") == "look"


def test_meaning_is_optional_and_changes_the_weights(monkeypatch):
    monkeypatch.setattr(meaning, "available", lambda: False)
    monkeypatch.setattr(meaning, "by_meaning", lambda _traits: pytest.fail("the model was asked"))
    assert judge([Trait("email", ["a@example.com"])])[0].best == "email"


@pytest.mark.skipif(not meaning.available(), reason="the extra crmlift[meaning] is not installed")
def test_meaning_speaks_for_a_field_whose_name_no_list_has():
    def likely(*, use_meaning: bool) -> float:
        (verdict,) = judge([Trait("ciudad_donde_vive", ["Xyloka", "Quorra"])], use_meaning=use_meaning)
        return max((c.confidence for c in verdict.candidates if c.field == "city"), default=0.0)

    assert likely(use_meaning=True) > likely(use_meaning=False)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("zorb_email", ["a@example.com", "b@example.org"]),
        ("zorb_city", ["Bristol", "Bath"]),
        ("contact 2: email", ["a@example.com", "b@example.org"]),
        ("street", ["streetwear", "formal"]),
    ],
)
def test_a_word_that_nobody_knows_or_a_second_one_is_never_sure(name, values):
    assert band(name, *values) != "sure"


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("tz_pref", ["Asia/Kolkata", "America/Sao_Paulo"], "timezone"),
        ("login", ["a@example.com", "b@example.org"], "email"),
        ("login", ["kestrel9", "b_rowan"], "none"),
        ("mail_id", ["a@example.com", "b@example.org"], "email"),
        ("mail_id", ["88121", "90233"], "none"),
        ("status", ["Lead", "MQL", "Customer"], "lifecycle_stage"),
        ("status", ["active", "paused"], "none"),
        ("language_id", ["3", "17"], "none"),
    ],
)
def test_the_values_decide_about_a_state_a_kind_or_a_key(name, values, field):
    assert best(name, *values) == field


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("PSTLZ", ["42103", "01067"], "postal_code"),
        ("GBDAT", ["19710904", "19880117"], "birthday"),
        ("ERDAT", ["20190312", "20220704"], "created_at"),
        ("SPRAS", ["DE", "EN", "TR"], "language"),
        ("PID-7", ["19580423", "19920811"], "birthday"),
        ("PID-11.4", ["AZ", "NM"], "state"),
        ("생년월일", ["950312", "881105"], "birthday"),
        ("성명", ["김민준", "이서연"], "full_name"),
        ("preferred language", ["POR", "ENG", "DUT"], "language"),
        ("effectif_entreprise", ["10 à 49", "250 à 999"], "employees"),
        ("годовая_выручка", ["120 млн ₽", "35 млн ₽"], "annual_revenue"),
        ("nombre_y_apellido", ["Florencia Paz", "Matías Ledesma"], "full_name"),
        ("DT_OF_BIRTH", ["12-APR-1979", "30-SEP-1990"], "birthday"),
        ("DOB_DDMMYYYY", ["14071988", "02101967"], "birthday"),
        ("idioma_preferit", ["català", "anglès"], "language"),
        ("employes_nb", ["14", "9", "3200"], "employees"),
        ("Co_Website__c", ["www.loft.example", "N/A"], "website"),
        ("store_url", ["https://loft.example", "https://hay.example"], "website"),
        ("miasto_salonu", ["Warszawa", "Kraków"], "none"),
        ("landlord_email", ["a@example.com", "b@example.org"], "none"),
        ("imie_doradcy", ["Paweł", "Monika"], "none"),
    ],
)
def test_names_of_other_systems_and_of_other_people_are_known(name, values, field):
    assert best(name, *values) == field


@pytest.mark.parametrize("use_meaning", [False, True])
@pytest.mark.parametrize(
    ("name", "sure", "top", "false"),
    [("held-out", 0.97, 0.99, 0.03), ("in-the-wild", 0.97, 0.99, 0.05)],
)
def test_measured_sets_stay_at_their_level(name, sure, top, false, use_meaning):
    if use_meaning and not meaning.available():
        pytest.skip("the extra crmlift[meaning] is not installed")
    path = DATA / f"fields-{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        labels = [row["expected"] for row in csv.DictReader(file)]
    pairs = list(zip(labels, judge(read_traits(path), use_meaning=use_meaning), strict=True))
    certain = [(label, verdict) for label, verdict in pairs if verdict.band == "sure"]
    nothing = [verdict for label, verdict in pairs if label == "none"]
    assert len(certain) > len(pairs) * 0.4
    assert sum(label == verdict.best for label, verdict in certain) >= sure * len(certain)
    assert sum(label in [c.field for c in v.candidates[:3]] for label, v in pairs) >= top * len(pairs)
    assert sum(verdict.best != "none" for verdict in nothing) <= false * len(nothing)


@pytest.mark.parametrize("measured", ["held-out", "in-the-wild"])
def test_a_measured_set_shares_no_attribute_with_the_one_that_is_tuned_on(measured):
    tuning, others = (
        {(t.name, tuple(t.values)) for t in read_traits(DATA / f"fields-{name}.csv")}
        for name in ("tuning", measured)
    )
    assert tuning.isdisjoint(others)


def test_values_of_any_json_type_are_read(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("x", '[1, 2.5, true, null, "", "a", ["b"]]'))
    assert read_traits(path)[0].values == ["1", "2.5", "true", "a", '["b"]']


def test_a_bad_line_is_named(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("x", "[1]"), ("y", "oops"))
    with pytest.raises(ConfigError, match=r"a\.csv:3: 'sample_values_json' is no JSON list"):
        read_traits(path)


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("trait,values\nx,[]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the column 'sample_values_json' is missing"):
        read_traits(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("user.firstName", ["user", "first", "name"]),
        ("addressLine1", ["address", "line", "1"]),
        ("HTTPStatus", ["http", "status"]),
        ("Straße_Nr", ["strasse", "nr"]),
        ("名前_first", ["名前", "first"]),
        ("İl", ["il"]),
    ],
)
def test_names_are_parted_into_words(name, words):
    assert tokens(name) == words
