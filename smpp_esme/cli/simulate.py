"""`smpp-esme simulate`: an SMSC on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from smpp_esme.simulator.smsc import Smsc


_Config = Annotated[
    str | None,
    typer.Option("--config", "-c", help="The whole SMSC as a TOML file, or smsc-centre, standard, careless."),
]
_Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")]
_Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.", show_default="2775")
]
_Profile = Annotated[
    str | None,
    typer.Option(help="How it writes: a profile's name, or its file in TOML.", show_default="smsc-centre"),
]
_Account = Annotated[
    list[str] | None,
    typer.Option(metavar="SYSTEM_ID:PASSWORD", help="Who may bind; may be repeated. Without it, anybody."),
]
_ReceiptDelay = Annotated[
    float | None,
    typer.Option(min=0, help="Seconds from a response to its receipt, give or take half of it.", show_default="1"),
]
_Latency = Annotated[float | None, typer.Option(min=0, help="Seconds from a submit to its response.", show_default="0")]
_Seed = Annotated[
    int | None,
    typer.Option(help="Decides message_ids and delays. Without it, the clock: message_ids differ in every run."),
]
_Window = Annotated[
    int | None,
    typer.Option(min=1, help="How many receipts may wait for an answer on a session.", show_default="50"),
]
_Script = Annotated[Path | None, typer.Option(help="TOML file of rules: refusals, delays, lost responses ...")]
_Certificate = Annotated[Path | None, typer.Option(help="Listen with TLS, with this certificate and key, in PEM.")]
_ControlPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port of the HTTP control API on loopback; 0 takes a free one.")
]
_ReadyFile = Annotated[
    Path | None, typer.Option(help="Written once it listens: a JSON object of port, url and control.")
]


def simulate(
    *,
    config: _Config = None,
    host: _Host = None,
    port: _Port = None,
    profile: _Profile = None,
    account: _Account = None,
    receipt_delay: _ReceiptDelay = None,
    latency: _Latency = None,
    seed: _Seed = None,
    window: _Window = None,
    script: _Script = None,
    certificate: _Certificate = None,
    control_port: _ControlPort = None,
    ready_file: _ReadyFile = None,
) -> None:
    """Run an SMSC that binds, takes messages and lookups, and sends receipts.

    Nothing leaves this machine. It ends on SIGINT or SIGTERM. What is given here goes before the file of --config.

    What becomes of a message depends on how its number ends:

    \b
    ...001  absent              EXPIRED, err 006
    ...002  unknown             UNDELIV, err 001
    ...003  ported              DELIVRD
    ...004  roaming             DELIVRD
    ...005  blocked             UNDELIV, err 013
    ...006  memory full         UNDELIV, err 012
    ...007  silent              no receipt, ever
    ...008  slow                DELIVRD, ten times as late
    ...009  ported and roaming  DELIVRD
    ...010  no service          UNDELIV, err 011
    others  present             DELIVRD

    Try:

    \b
    smpp-esme simulate --control-port 2776
    smpp-esme send --url smpp://demo:secret@127.0.0.1:2775 --wait 5 79161234567 Hello
    curl http://127.0.0.1:2776/received
    """  # noqa: D301 - \\b is click's mark for lines that are to stay as they are
    from smpp_esme.errors import InvalidValue

    given = {"host": host, "port": port, "receipt_delay": receipt_delay, "latency": latency, "seed": seed}
    try:
        smsc, control_port = _made(
            config,
            {**given, "window": window, "control_port": control_port, "profile": profile},
            accounts=_accounts(account) if account else None,
            script=script,
            certificate=certificate,
        )
    except InvalidValue as error:
        raise typer.BadParameter(str(error)) from None
    _serve(smsc, control_port, ready_file)


def _serve(smsc: Smsc, control_port: int | None, ready_file: Path | None) -> None:
    """Run it until it is told to end."""
    import asyncio

    _collect_seldom()
    try:
        with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
            runner.run(_run(smsc, control_port, ready_file))
    except OSError as error:
        told = f"{error.strerror or error}; another --host, --port or --control-port"
        typer.echo(f"smpp-esme simulate: {told}", err=True)
        raise typer.Exit(1) from None


def _made(
    config: str | None,
    given: dict[str, Any],
    *,
    accounts: dict[str, str] | None,
    script: Path | None,
    certificate: Path | None,
) -> tuple[Smsc, int | None]:
    """The SMSC of a file and of what was given beside it, and where its control API listens."""
    import time

    from msgspec.structs import asdict

    from smpp_esme.simulator.personality import Personality, Tls
    from smpp_esme.simulator.script import Script
    from smpp_esme.simulator.smsc import Smsc

    told: dict[str, Any] = {"port": 2775, "receipt_delay": 1.0, "seed": time.time_ns()}
    told |= {
        key: value
        for key, value in asdict(Personality.load(config) if config else Personality()).items()
        if value is not None
    }
    told |= {key: value for key, value in given.items() if value is not None}
    if accounts:
        told["accounts"] = accounts
    if certificate:
        told["tls"] = Tls(certificate=str(certificate))
    personality = Personality(**told)
    options = personality.options()
    if script:
        options["script"] = Script.load(script)
    return Smsc(**options), personality.control_port


def _accounts(written: list[str]) -> dict[str, str]:
    accounts = dict(one.partition(":")[::2] for one in written)
    if any(not system_id or not 0 < len(password) <= 8 for system_id, password in accounts.items()):
        raise typer.BadParameter("an account is system_id:password, the password 1 to 8 characters long")
    return accounts


async def _run(smsc: Smsc, control_port: int | None, ready_file: Path | None) -> None:
    import asyncio
    import signal
    from contextlib import AsyncExitStack

    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(smsc)
        control = await stack.enter_async_context(_control(smsc, control_port)) if control_port is not None else None
        beside = f"; control on {control}" if control else ""
        typer.echo(f"SMSC simulator ({smsc.profile.name}) listens on {smsc.host}:{smsc.port}{beside}")
        if ready_file:
            _write_ready(ready_file, {"port": smsc.port, "url": smsc.url, "control": control})
        await told_to_stop.wait()


def _control(smsc: Smsc, port: int) -> Any:
    try:
        from smpp_esme.simulator.control import control
    except ImportError:
        raise typer.BadParameter("the control API needs aiohttp: pip install 'smpp-esme[daemon]'") from None
    return control(smsc, port=port)


def _write_ready(path: Path, ready: dict[str, Any]) -> None:
    """Write it whole or not at all: somebody is waiting for the file to be there."""
    import json

    draft = path.with_name(f"{path.name}.tmp")
    try:
        draft.write_text(json.dumps(ready) + "\n")
        draft.replace(path)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--ready-file") from None


def _collect_seldom() -> None:
    """Let garbage be collected seldom: a message makes no cycles, and a look at all that wait costs half the speed."""
    import gc

    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return loop_factory
