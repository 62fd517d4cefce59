"""`smpp-esme probe`: what an SMSC does, and a profile for it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smpp_esme.cli.options import ProfileName, SystemType
from smpp_esme.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smpp_esme.client.probe import Answer, Bind, Findings, Limit, Seen


def probe(
    url: Annotated[
        str,
        typer.Argument(
            envvar="SMPP_URL", help="The SMSC and our account there, as for `send`.", show_default=False, metavar="URL"
        ),
    ],
    profile: ProfileName = "standard",
    system_type: SystemType = "",
    to: Annotated[str, typer.Option(help="A number of your own: submit one message to it, and see its receipt.")] = "",
    source: Annotated[str, typer.Option(help="Who sends it.")] = "",
    wait: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="Wait so long for the receipt.")] = 30.0,
    limit_test: Annotated[
        int,
        typer.Option(min=0, max=10_000, metavar="COUNT", help="Submit up to COUNT more, as fast as they are answered."),
    ] = 0,
    write: Annotated[Path | None, typer.Option(help="Write a profile for this SMSC to a new file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found out as one JSON object.")] = False,
) -> None:
    """Bind to an SMSC, ask it what it does, and report; with --to also how it writes ids and receipts.

    Nothing is submitted without --to, and no more than one message without --limit-test. The messages are real ones.
    """
    import msgspec

    from smpp_esme.client.probe import Asked, probe
    from smpp_esme.session.endpoint import parse_url
    from smpp_esme.sms.profile import Profile

    if limit_test and not to:
        raise InvalidValue("limit-test", "there is no number to submit to", "--to as well")
    chosen = Profile.of(profile)
    endpoint = msgspec.structs.replace(parse_url(url), system_type=system_type)
    asked = Asked(to=to, source=source, wait=wait, limit=limit_test)
    findings = asyncio.run(probe(endpoint, chosen.bound_with(system_type), asked))
    if as_json:
        typer.echo(msgspec.json.encode(findings).decode())
    else:
        for line in _told(findings):
            typer.echo(line)
    if write:
        _write(findings, profile, write)


def _told(findings: Findings) -> Iterator[str]:
    """What was found out, a line each."""
    yield from _bind(findings.bind)
    yield f"enquire_link: {_answer(findings.enquire_link)}"
    if findings.submit_sm:
        given = f", message_id {findings.submit_sm.message_id!r}" if findings.submit_sm.message_id else ""
        yield f"submit_sm: {_answer(findings.submit_sm)}{given}"
    if findings.query_sm:
        yield f"query_sm: {_answer(findings.query_sm)}"
    if findings.receipt:
        yield from _receipt(findings.receipt)
    elif findings.submit_sm:
        yield "receipt: none came"
    if findings.limit:
        yield _limit(findings.limit)
    if findings.ended:
        yield f"the session ended: {findings.ended}"


def _bind(bind: Bind) -> Iterator[str]:
    version = "not said" if bind.interface_version is None else f"0x{bind.interface_version:02X}"
    yield f"bound to {bind.system_id!r} in {bind.seconds * 1000:.0f} ms, interface_version {version}"
    yield f"TLVs of the bind: {', '.join(bind.tlvs) or 'none'}"


def _answer(answer: Answer) -> str:
    return f"{answer.status} in {answer.seconds * 1000:.0f} ms"


def _receipt(seen: Seen) -> Iterator[str]:
    marked = "its text alone" if seen.by_text else f"esm_class 0x{seen.esm_class:02X}"
    yield f"receipt: {seen.operation} after {seen.seconds:.1f} s, {seen.state}, known by {marked}"
    yield f"receipt's TLVs: {', '.join(seen.tlvs) or 'none'}"
    yield f"receipt's message_id: {seen.message_id!r}, {seen.form or 'in a form that is still open'}"
    yield f"receipt's zone: {seen.utc_offset or 'not to be told'}"


def _limit(limit: Limit) -> str:
    rate = limit.taken / limit.seconds if limit.seconds else 0.0
    end = f"then {limit.status}" if limit.status else "and none was refused"
    return f"limit: {limit.taken} taken in {limit.seconds:.1f} s, {rate:.0f} a second, {end}"


def _write(findings: Findings, profile: str, target: Path) -> None:
    from smpp_esme.client.probe import profile_of
    from smpp_esme.sms.profile import source

    name = re.sub(r"[^a-z0-9-]+", "-", target.stem.lower()).strip("-") or "probed"
    written = profile_of(findings, source(profile), name)
    try:
        with target.open("x") as file:
            file.write(written)
    except OSError as error:
        raise InvalidValue("write", f"{target}: {error.strerror}", "a file that does not exist yet") from error
    typer.echo(f"profile written to {target}")
