from crmlift.testing.conformance import TargetConformance
from target_cardfile.target import TargetCardfile


class TestCardfile(TargetConformance):
    target = TargetCardfile
    changed_field = ("job_title", "title")
    kills = 5
