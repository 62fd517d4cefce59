"""SIGHUP: a running daemon goes over to what its file says by now, and drops nothing for it."""

import asyncio
import json
import signal
import socket

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from smpp_esme.daemon import signing
from smpp_esme.simulator.smsc import Smsc
from smpp_esme.web.auth import digest

PATIENCE = 30.0
SECRET = "secret"
NUMBERS = [f"7916123{number:04}55" for number in range(200)]

pytestmark = [pytest.mark.smsc(accounts={"acme": SECRET, "other": SECRET}), pytest.mark.acceptance]


@pytest.fixture
def write(tmp_path, smsc):
    """Writes the daemon's file: the links by name, and whatever else."""

    def written(*more, links=None):
        account = {"url": f"smpp://acme@127.0.0.1:{smsc.port}", "password": SECRET}
        lines = [f"[store]\nurl = 'sqlite:///{tmp_path}/messages.sqlite3'\nsynchronous = 'normal'"]
        for name, keys in ({"main": {}} if links is None else links).items():
            lines.append(f"[links.{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in (account | keys).items()]
        path = tmp_path / "daemon.toml"
        path.write_text("\n".join([*lines, *more]) + "\n")
        return path

    return written


PORT = "[http]\nport = 0"


async def address(daemon):
    return (await daemon.logged("daemon.started"))["http"]


async def submit(http, numbers, **order):
    orders = [{"to": to, "text": f"to {to}", "source": "ACME", **order} for to in numbers]
    async with http.post("/v1/batches", json={"messages": orders}) as answer:
        assert answer.status == 202, await answer.text()


async def settled(http, *, without=("QUEUED", "SUBMITTING", "SUBMITTED")):
    async with asyncio.timeout(PATIENCE):
        while True:
            async with http.get("/v1/stats") as answer:
                counts = await answer.json()
            if not sum(counts[status] for status in without):
                return counts
            await asyncio.sleep(0.05)  # another process: nothing tells us when


async def metrics(http):
    async with http.get("/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


async def test_under_traffic_no_bind_is_dropped_and_no_message_is_lost(run, smsc, write):
    daemon = await run(write(PORT, links={"main": {"throughput": 100}}))
    async with aiohttp.ClientSession(await address(daemon)) as http:
        await submit(http, NUMBERS)
        await smsc.until(lambda smsc: smsc.counts.submits > 5)
        binds = smsc.counts.binds
        write(
            "[http]\nport = 0\nbody_limit = 4096\n[log]\nlevel = 'debug'\n[retention]\ntexts = 7",
            "[dispatch]\nbatch = 50\n[links.main.rules]\nrepeat = 'refuse'",
            links={"main": {"throughput": 5000, "window": 7, "source_addr": "NEWNAME"}},
        )
        told = await daemon.reloaded()
        assert told["changed"] == [
            "dispatch.batch",
            "links.main.rules.repeat",
            "links.main.source_addr",
            "links.main.throughput",
            "links.main.window",
            "log.level",
            "retention.texts",
        ]
        assert (await daemon.logged("daemon.restart_needed"))["keys"] == ["http.body_limit"]
        counts = await settled(http)
        assert counts["DELIVERED"] == len(NUMBERS)
        assert [to for to in NUMBERS if smsc.count(f"to {to}") != 1] == []
        found = await metrics(http)
        assert found['smpp_esme_pace{link="main"}'] == "5000.0"
        assert found['smpp_esme_window_limit{link="main"}'] == "7.0"
        async with http.post("/v1/messages", json={"to": NUMBERS[0], "text": "from whom?"}) as answer:
            assert (await answer.json())["source"] == "NEWNAME"
    assert smsc.counts.binds == binds == 1
    assert await daemon.stopped() == 0
    assert any('"level": "debug"' in line for line in daemon.lines)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[http]\nport = 0\nprot = 1", "http.prot: no such key (did you mean port?)"),
        ("[http]\nport = 0\n[links.main.pacing]\nhold = 'long'", "links.main.pacing.hold: Input should be a valid"),
        ("[http", "it is not TOML"),
    ],
)
async def test_a_wrong_file_changes_nothing_and_says_what_is_wrong(run, smsc, write, more, said):
    daemon = await run(write(PORT, links={"main": {"throughput": 50}}))
    await daemon.logged("link.bound")
    write(more, links={"main": {"throughput": 500}})
    told = await daemon.reloaded("daemon.reload_refused")
    assert told["level"] == "error"
    assert said in told["error"]
    assert SECRET not in told["error"]
    async with aiohttp.ClientSession(await address(daemon)) as http:
        assert (await metrics(http))['smpp_esme_pace{link="main"}'] == "50.0"
    write(PORT, links={"main": {"throughput": 500}})
    assert (await daemon.reloaded())["changed"] == ["links.main.throughput"]


async def test_routes_are_gone_over_to_and_what_is_stranded_follows_them(run, smsc, write):
    async with Smsc("smsc-centre", accounts={"acme": SECRET}, receipt_delay=0.01) as other:
        slow = {"throughput": 0.001}
        new = {"url": f"smpp://acme@127.0.0.1:{other.port}"}
        daemon = await run(write(PORT, links={"main": slow, "new": new}))
        async with aiohttp.ClientSession(await address(daemon)) as http:
            await submit(http, NUMBERS[:50])
            routes = "[dispatch]\ndrain = 0.1\n[routes.all]\nlinks = ['new']"
            write(f"{PORT}\n{routes}", links={"new": new})
            assert (await daemon.reloaded())["changed"] == ["dispatch.drain", "links.main", "routes.all"]
            await submit(http, NUMBERS[50:])
            # The old one may still owe a receipt.
            await settled(http, without=("QUEUED", "SUBMITTING"))
            async with http.get("/readyz") as answer:
                assert (await answer.json())["routes"] == {"all": "new"}
            found = await metrics(http)
        moved = float(found['smpp_esme_rerouted_total{decided="stranded",link="main",to_link="new"}'])
        assert moved + smsc.counts.submits == 50
        assert [to for to in NUMBERS if smsc.count(f"to {to}") + other.count(f"to {to}") != 1] == []
        assert await daemon.stopped() == 0


async def test_another_smsc_is_bound_before_the_old_one_is_left(run, smsc, write):
    daemon = await run(write(PORT))
    async with Smsc("smsc-centre", accounts={"other": "pass"}, receipt_delay=0.01) as new:
        async with aiohttp.ClientSession(await address(daemon)) as http:
            await submit(http, NUMBERS[:50])
            write(PORT, links={"main": {"url": f"smpp://other@127.0.0.1:{new.port}", "password": "pass"}})
            await daemon.reloaded()
            await submit(http, NUMBERS[50:])
            counts = await settled(http, without=("QUEUED", "SUBMITTING"))
        assert counts["SUBMITTED"] + counts["DELIVERED"] == len(NUMBERS)  # the old one may still owe receipts
        assert [to for to in NUMBERS if smsc.count(f"to {to}") + new.count(f"to {to}") != 1] == []
        assert [to for to in NUMBERS[50:] if new.count(f"to {to}") != 1] == []
        events = [json.loads(line)["event"] for line in daemon.lines]
        assert events.index("link.unbound") > [n for n, each in enumerate(events) if each == "link.bound"][1]
        assert await daemon.stopped() == 0


async def test_an_account_that_is_bound_anew_keeps_its_receipts(run, smsc, write):
    daemon = await run(write(PORT))
    async with aiohttp.ClientSession(await address(daemon)) as http:
        await submit(http, NUMBERS)
        await smsc.until(lambda smsc: smsc.counts.submits > 5)
        write(PORT, links={"main": {"enquire_link": 20, "binds": 2}})
        await daemon.reloaded()
        assert (await settled(http))["DELIVERED"] == len(NUMBERS)
    assert [to for to in NUMBERS if smsc.count(f"to {to}") != 1] == []
    assert smsc.counts.binds == 3
    assert await daemon.stopped() == 0


async def test_an_account_that_the_smsc_refuses_leaves_the_link_as_it_was(run, smsc, write):
    daemon = await run(write(PORT))
    await daemon.logged("link.bound")
    write(PORT, links={"main": {"password": "wrong", "throughput": 70}})
    told = await daemon.reloaded("daemon.link_unchanged")
    assert (told["level"], told["link"]) == ("error", "main")
    assert "ESME_RINVPASWD" in told["error"]
    async with aiohttp.ClientSession(await address(daemon)) as http:
        await submit(http, NUMBERS[:5])
        assert (await settled(http))["DELIVERED"] == 5
        assert (await metrics(http))['smpp_esme_pace{link="main"}'] == "0.0"
    write(PORT, links={"main": {"throughput": 70}})
    assert (await daemon.reloaded())["changed"] == ["links.main.throughput"]
    assert await daemon.stopped() == 0


async def test_a_link_that_is_new_is_bound_and_one_that_is_gone_is_drained(run, smsc, write):
    daemon = await run(write(PORT))
    await daemon.logged("link.bound")
    other = {"url": f"smpp://other@127.0.0.1:{smsc.port}"}
    write(PORT, links={"main": {}, "second": other})
    assert (await daemon.reloaded())["changed"] == ["links.second"]
    await smsc.until(lambda smsc: smsc.counts.binds == 2)
    async with aiohttp.ClientSession(await address(daemon)) as http:
        await submit(http, NUMBERS[:20], link="second")
        assert (await settled(http))["DELIVERED"] == 20
        write(PORT, links={"second": other})
        since = len(daemon.lines)
        await daemon.reloaded()
        assert (await daemon.logged("link.unbound", since=since))["link"] == "main"
        async with http.post("/v1/messages", json={"to": NUMBERS[0], "text": "x", "link": "main"}) as answer:
            assert answer.status == 422
        await submit(http, NUMBERS[20:40])  # the default is the second now
        assert (await settled(http))["DELIVERED"] == 40
        assert 'smpp_esme_sessions{link="main"}' not in await metrics(http)
    assert await daemon.stopped() == 0


async def test_a_link_whose_password_was_wrong_is_bound_with_the_right_one(run, smsc, write):
    daemon = await run(write(PORT, links={"main": {}, "second": {"password": "wrong"}}))
    assert (await daemon.logged("daemon.link_stopped"))["link"] == "second"
    write(PORT, links={"main": {}, "second": {}})
    await daemon.reloaded()
    await smsc.until(lambda smsc: smsc.counts.binds == 2)
    assert await daemon.stopped() == 0


async def test_keys_are_let_in_and_kept_out_from_the_next_request_on(run, smsc, write):
    def keys(**given):
        return "\n".join(
            f'[http.keys.{name}]\ndigest = "{digest(key)}"\nscopes = ["read"]\nrate = {rate}'
            for name, (key, rate) in given.items()
        )

    daemon = await run(write(PORT, keys(shop=("old", 0), slow=("slow", 0.001))))

    async def asked(http, key):
        async with http.get("/v1/stats", headers={"Authorization": f"Bearer {key}"}) as answer:
            return answer.status

    async with aiohttp.ClientSession(await address(daemon)) as http:
        assert [await asked(http, key) for key in ("old", "new", "slow", "slow")] == [200, 401, 200, 429]
        write(PORT, keys(shop=("new", 0), slow=("slow", 0.001)))
        await daemon.reloaded()
        # What was used of a rate stays used.
        assert [await asked(http, key) for key in ("old", "new", "slow")] == [401, 200, 429]


async def test_taking_all_keys_away_does_not_open_a_daemon_that_others_reach(run, smsc, write):
    key = f'[http.keys.a]\ndigest = "{digest("key")}"\nscopes = ["read"]'
    daemon = await run(write("[http]\nport = 0\nhost = '0.0.0.0'", key))
    await daemon.logged("link.bound")
    write("[http]\nport = 0\nhost = '127.0.0.1'")
    told = await daemon.reloaded("daemon.reload_refused")
    assert "host 0.0.0.0 lets others in, and there are no keys" in told["error"]


async def test_a_certificate_that_was_renewed_is_shown_from_the_next_connection_on(run, smsc, write, tmp_path):
    def issued(authority):
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "http.pem"))

    async def answers(url, authority):
        import ssl

        context = ssl.create_default_context()
        authority.configure_trust(context)
        async with aiohttp.ClientSession() as http, http.get(f"{url}/healthz", ssl=context) as answer:
            return answer.status

    old, new = trustme.CA(), trustme.CA()
    issued(old)
    path = write(f"[http]\nport = 0\ncertificate = '{tmp_path}/http.pem'")
    daemon = await run(path)
    url = await address(daemon)
    assert await answers(url, old) == 200
    (tmp_path / "http.pem").write_text("half of a cert")
    assert "http.certificate: " in (await daemon.reloaded("daemon.reload_refused"))["error"]
    assert await answers(url, old) == 200
    issued(new)
    await daemon.reloaded()
    assert await answers(url, new) == 200


async def test_systemd_is_told_of_the_reload_and_of_its_end(run, smsc, write, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        daemon = await run(write(PORT), NOTIFY_SOCKET=str(tmp_path / "notify"))
        await daemon.logged("link.bound")
        await daemon.reloaded()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            told = [(await loop.sock_recv(systemd, 4096)).decode() for _ in range(3)]
    assert [one.split("\n")[0] for one in told] == ["READY=1", "RELOADING=1", "READY=1"]
    assert told[1].split("\n")[1].startswith("MONOTONIC_USEC=")


async def test_a_stop_in_the_middle_of_a_reload_is_a_stop_in_order(run, smsc, write):
    daemon = await run(write(PORT))
    await daemon.logged("link.bound")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection, and never answers the bind
        write(PORT, links={"main": {"url": f"smpp://acme@127.0.0.1:{silent.getsockname()[1]}"}})
        daemon.process.send_signal(signal.SIGHUP)
        silent.settimeout(PATIENCE)
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            assert await daemon.stopped() == 0


async def test_webhooks_come_change_and_go(run, smsc, write):
    told = []
    heard = asyncio.Condition()

    async def take(request):
        event = await request.json()
        told.append((request.path, event["data"]["reference"]))
        async with heard:
            heard.notify_all()
        return web.Response(status=204)

    async def until(count):
        async with asyncio.timeout(PATIENCE), heard:
            await heard.wait_for(lambda: len(told) >= count)

    application = web.Application()
    application.router.add_post("/{path}", take)
    shop = TestServer(application)
    await shop.start_server()
    daemon = await run(write(PORT))

    async def reload(path):
        keys = f'url = "{shop.make_url(path)}"\nsecret = "{signing.new_secret()}"\nevents = ["message.queued"]'
        write(PORT, f"[webhooks.shop]\n{keys}" if path else "")
        return (await daemon.reloaded())["changed"]

    async with aiohttp.ClientSession(await address(daemon)) as http:

        async def delivered(number):
            async with http.post("/v1/messages", json={"to": NUMBERS[0], "text": f"number {number}"}) as answer:
                return (await answer.json())["reference"]

        assert await reload("/one") == ["webhooks.shop"]
        async with asyncio.timeout(PATIENCE):
            while not told:  # it begins with what happens once it is there
                await delivered(1)
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)
        expected = list(told)
        assert "webhooks.shop.url" in await reload("/two")
        expected.append(("/two", await delivered(2)))
        await until(len(expected))
        assert await reload("") == ["webhooks.shop"]
        unheard = await delivered(3)
        assert "webhooks.shop" in await reload("/three")
        await until(len(expected) + 1)
        assert told == [*expected, ("/three", unheard)]
    assert await daemon.stopped() == 0
    await shop.close()
