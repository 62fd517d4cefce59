"""`smpp-esme decode`: octets in, from wherever they are, and an annotated dump of the PDUs in them out."""

from __future__ import annotations

from typing import Annotated

import typer


def decode(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Octets in hexadecimal (blanks, colons, 0x and # comments are passed over), files, or - for standard "
            "input. A file holds PDUs, hexadecimal, or a capture (pcap, pcapng); it is read as what it contains.",
        ),
    ],
    *,
    profile: Annotated[
        str,
        typer.Option("--profile", help="How texts and receipts are read: a profile's name, or its file in TOML."),
    ] = "standard",
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Read the TCP streams of this port; otherwise those that look like SMPP."),
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Print one line a PDU.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    show_password: Annotated[bool, typer.Option("--show-password", help="Show passwords too.")] = False,
) -> None:
    """Explain PDUs octet by octet, and say which answers which.

    In a capture the TCP streams are joined; responses are shown with their requests, receipts with what they are about,
    and the time between them. Several captures are read as one, in their order. Numbers and texts are shown; passwords
    only when asked for. Leaves with exit status 0 only if there were PDUs and everything was read.
    """
    from smpp_esme.cli.decode.printing import Printing
    from smpp_esme.cli.decode.printout import JsonLines, Summary, Tree
    from smpp_esme.cli.decode.sources import Sources
    from smpp_esme.sms.profile import Profile

    printout = JsonLines() if as_json else Summary() if summary else Tree()
    chosen = Profile.of(profile)
    printing = Printing(printout, chosen, show_secrets=show_password)
    found = Sources(sources, port=port)
    for sighting in found.sightings():
        printing.show(sighting)
    if not printing.close(others=found.others):
        raise typer.Exit(1)
