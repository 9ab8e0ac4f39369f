"""Odoo's source tree, out of Debian's package of it, and the virtualenv that runs it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from odoo_lab.system import LabError, environment, need_packages, run

SHA256 = "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf"
"""Of odoo-19 19.0.0+dfsg-1, the build that the tests were written against."""

SYSTEM_PYTHON = Path("/usr/bin/python3")
REQUIREMENTS = Path(__file__).with_name("requirements.txt")

# The package holds its add-ons twice, 200 countries' charts of accounts, and translations.
LEFT_OUT = ("*/i18n/*", "*/addons/l10n_*", "*/dist-packages/addons/*", "*/tests/*")


def fetch(target: Path) -> None:
    """Put the package at `target`, unless it is there; its checksum is compared either way.

    `ODOO_LAB_DEB` names a file to take instead of asking the Debian mirror, `ODOO_LAB_SHA256`
    the checksum of another build (or `any`).
    """
    if not target.exists():
        given = os.environ.get("ODOO_LAB_DEB")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".part")
        if given:
            shutil.copyfile(given, partial)
        else:
            _download(partial)
        partial.rename(target)
    wanted = os.environ.get("ODOO_LAB_SHA256", SHA256)
    found = hashlib.sha256(target.read_bytes()).hexdigest()
    if wanted not in (found, "any"):
        target.unlink()
        raise LabError(
            f"The odoo-19 package is another build than the tested one: sha256 {found}, wanted {wanted}.\n"
            "To take it anyway set ODOO_LAB_SHA256 to its checksum; to take a file of your own, ODOO_LAB_DEB."
        )


def _download(target: Path) -> None:
    """Fetch odoo-19, which only Debian sid has, with an apt configuration that is thrown away.

    Nothing of sid is made known to the system's own apt.
    """
    # The folder's name must be free of spaces: apt takes it as an option.
    with tempfile.TemporaryDirectory(prefix="odoo-lab-apt-") as name:
        work = Path(name)
        (work / "lists/partial").mkdir(parents=True)
        (work / "cache/archives/partial").mkdir(parents=True)
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (work / "sid.list").write_text(f"deb [signed-by={keyring}] {_mirror()} sid main\n")
        apt = [
            "apt-get",
            "-q",
            f"-oDir::Etc::SourceList={work}/sid.list",
            "-oDir::Etc::SourceParts=/dev/null",
            f"-oDir::State::Lists={work}/lists",
            f"-oDir::Cache={work}/cache",
            "-oAPT::Sandbox::User=root",
            "-oAcquire::Languages=none",
        ]
        run([*apt, "update"], cwd=work)
        run([*apt, "download", "odoo-19"], cwd=work)
        (deb,) = work.glob("odoo-19_*.deb")
        shutil.move(deb, target)


def _mirror() -> str:
    """Return the address of the Debian mirror that this machine's own apt uses."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    suites = {release.get("VERSION_CODENAME", "").strip('"'), "stable", "sid", "unstable"}
    targets = run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    )
    for suite, component, uri in (line.split(" ", 2) for line in targets.splitlines()):
        if suite in suites and component == "main":
            return uri
    raise LabError("This machine's apt names no Debian mirror. Set ODOO_LAB_DEB to an odoo-19 package.")


def unpack(deb: Path, tree: Path) -> None:
    """Unpack the Python part of the package into `tree` (1.2 GB as it comes, 206 MB as taken here)."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    excludes = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    wanted = "./usr/lib/python3/dist-packages/*"
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, env=environment()
    ) as packed:
        unpacked = subprocess.run(
            ["tar", "-x", "-C", str(tree), "--strip-components=5", "--wildcards", *excludes, wanted],
            stdin=packed.stdout,
            check=False,
        )
    if unpacked.returncode or packed.returncode:
        raise LabError(f"{deb.name} could not be unpacked into {tree}: is the disk full?")


def make_venv(venv: Path) -> None:
    """Create the virtualenv with Odoo's requirements, from the system's own Python."""
    shutil.rmtree(venv, ignore_errors=True)
    try:
        run([SYSTEM_PYTHON, "-c", "import ensurepip"])
    except LabError:
        need_packages("python3-venv")
    run([SYSTEM_PYTHON, "-m", "venv", venv])
    run([venv / "bin/python", "-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS])
