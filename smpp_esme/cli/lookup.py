"""`smpp-esme lookup`: where a number is, from the HLR."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from smpp_esme.cli.options import ProfileName, SystemType, Url
from smpp_esme.errors import SmppError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smpp_esme.client import Esme
    from smpp_esme.sms.hlr import HlrRecord


def lookup(
    msisdns: Annotated[list[str], typer.Argument(metavar="MSISDN...", help="Numbers, such as +79991234567.")],
    url: Url,
    profile: ProfileName = "smsc-centre",
    system_type: SystemType = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")] = False,
    ping: Annotated[bool, typer.Option("--ping", help="Ask the handset with a Ping-SMS instead of the HLR.")] = False,
    wait: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Wait so long for each answer.")] = 30.0,
) -> None:
    """Look numbers up, and print what the HLR says of each.

    The exit status is 0 if every number was answered for, reachable or not.
    """
    raise typer.Exit(asyncio.run(_lookup(msisdns, url, profile, system_type, as_json=as_json, ping=ping, wait=wait)))


async def _lookup(
    msisdns: Sequence[str], url: str, profile: str, system_type: str, *, as_json: bool, ping: bool, wait: float
) -> int:
    import msgspec

    from smpp_esme.client import connect
    from smpp_esme.session.endpoint import parse_url

    endpoint = msgspec.structs.replace(parse_url(url), system_type=system_type)
    async with connect(endpoint, profile=profile) as esme:
        answers = await asyncio.gather(*(_one(esme, msisdn, ping=ping, wait=wait) for msisdn in msisdns))
    records = [answer for answer in answers if not isinstance(answer, str)]
    if as_json:
        for record in records:
            typer.echo(msgspec.json.encode(record).decode())
    elif records:
        _print_table(records)
    for msisdn, answer in zip(msisdns, answers, strict=True):
        if isinstance(answer, str):
            typer.echo(f"smpp-esme: {msisdn}: {answer}", err=True)
    return 0 if len(records) == len(msisdns) else 1


async def _one(esme: Esme, msisdn: str, *, ping: bool, wait: float) -> HlrRecord | str:
    """The record, or why there is none: one number's trouble must not cost the others."""
    try:
        return await esme.lookup(msisdn, timeout=wait, ping=ping)
    except TimeoutError:
        return f"no answer within {wait:g} s"
    except SmppError as error:
        return str(error)


def _print_table(records: Sequence[HlrRecord]) -> None:
    from rich.console import Console

    from smpp_esme.cli.tables import show_hlr_records

    show_hlr_records(Console(), records)
