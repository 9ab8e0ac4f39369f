"""`tap-customerio-webhooks --folder events`: receive reporting webhooks."""

from __future__ import annotations

from pathlib import Path

import click

from tap_customerio.webhooks.spool import Spool


@click.command()
@click.option("--folder", required=True, type=click.Path(path_type=Path), help="Where the files go.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, help="Port to listen on; 0 for any that is free.")
@click.option("--max-age", default=300, show_default=True, help="Oldest signature that is taken, in seconds.")
@click.option("--max-megabytes", default=64, show_default=True, help="Size at which a new file begins.")
@click.option(
    "--signing-key",
    envvar="CUSTOMERIO_WEBHOOK_SIGNING_KEY",
    required=True,
    help="Key of the webhook's page; better in the environment than typed here.",
)
def main(folder: Path, host: str, port: int, max_age: int, max_megabytes: int, signing_key: str) -> None:
    """Receive reporting webhooks of Customer.io, and keep them in files for the tap.

    Speaks plain HTTP: put it behind a proxy that has the certificate.
    """
    try:  # needs an extra
        import uvicorn

        from tap_customerio.webhooks.app import create_app
    except ImportError as error:
        raise click.ClickException(
            f'{error.name} is needed: pip install "tap-customerio[webhooks]"'
        ) from None
    app = create_app(Spool(folder, max_megabytes * 1024 * 1024), signing_key, max_age=max_age)
    uvicorn.run(app, host=host, port=port, log_level="info", access_log=False)


if __name__ == "__main__":
    main()
