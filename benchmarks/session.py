"""Our client beside the other Python clients, against one sink that is faster than all of them.

    python -m benchmarks.session [--rounds 5] [--seconds 1] [--depths] [--million]

Every run is a process of its own; each client runs once in each round, so that a noisy moment hits all of them, and the
tables show medians. Machines differ: the ratios count. smpplib has TCP_NODELAY set, without which it is slower
by far. aiosmpplib is measured if it is installed (`pip install --group bench`), as it ships and with its correlator
replaced by one that looks things up.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys

from benchmarks import sink

OURS = {"await": "await esme.submit(...), 100 tasks", "bulk": "esme.submit_many(...)"}
SHIPPED = {"smpplib": "smpplib 2.2.4, pipelined", "aiosmpplib": "aiosmpplib 0.7.4"}
PEERS = SHIPPED | {"aiosmpplib-dict": "  with a correlator that looks up"}
#: About how many messages a second each gets through, to make runs about as long; it need not be exact.
GUESS = {"await": 20_000, "bulk": 40_000, "smpplib": 5_000, "aiosmpplib": 800, "aiosmpplib-dict": 5_000}
TABLES = {
    "submit_sm and its response": ([], 1.0),
    "with a receipt each, parsed and answered": (["--receipts"], 0.5),
    "submit_sm and its response, 20 ms of latency": (["--latency", "20"], 4.0),
}
WINDOW = 100
BOUND = WINDOW / 0.020


def run(client: str, port: int, messages: int, *options: str) -> dict[str, float]:
    """One run, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.clients", client, str(port), str(messages), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if ended.returncode:
        sys.exit(f"{client}: {ended.stderr}")
    taken = json.loads(ended.stdout.splitlines()[-1])
    return {
        "rate": messages / taken["seconds"],
        "cpu": taken["cpu"] / messages * 1e6,
        "megabytes": taken["peak_kb"] / 1024,
    }


def table(title: str, port: int, arguments: argparse.Namespace, *, options: list[str], share: float) -> None:
    """One table: all clients, interleaved."""
    clients = [*OURS, *arguments.peers]
    runs: dict[str, list[dict[str, float]]] = {client: [] for client in clients}
    for _ in range(arguments.rounds):
        for client in clients:
            # With latency they are all about as fast; a run is long, for the first window of a process is a slow one.
            guess = BOUND if "--latency" in options else GUESS[client]
            messages = max(500, int(guess * arguments.seconds * share))
            runs[client].append(run(client, port, messages, *options))
    medians = {
        client: {key: statistics.median(one[key] for one in taken) for key in ("rate", "cpu")}
        for client, taken in runs.items()
    }
    print_table(title, medians, "--latency" in options)


def print_table(title: str, medians: dict[str, dict[str, float]], latency: bool) -> None:
    """Rates and CPU, and how many times the fastest peer as it ships that is."""
    fastest = max(medians[peer]["rate"] for peer in SHIPPED if peer in medians)
    least = min(medians[peer]["cpu"] for peer in SHIPPED if peer in medians)
    print(f"\n{title:<48}{'/s':>10}{'times':>8}{'CPU us':>10}{'times less':>12}")
    for client, median in medians.items():
        print(
            f"  {(OURS | PEERS)[client]:<46}{median['rate']:>10,.0f}{median['rate'] / fastest:>8.1f}"
            f"{median['cpu']:>10.1f}{least / median['cpu']:>12.1f}"
        )
    if latency:
        print(f"  {'window / latency':<46}{BOUND:>10,.0f}")


def depths(port: int) -> None:
    """What a message costs while so many submissions wait for their receipts."""
    print(f"\n{'receipts outstanding, submit_many':<48}{'/s':>10}{'CPU us':>10}{'MB':>8}")
    for depth in (1_000, 100_000, 1_000_000):
        found = run("bulk", port, 50_000, "--depth", str(depth))
        print(f"  {depth:<46,}{found['rate']:>10,.0f}{found['cpu']:>10.1f}{found['megabytes']:>8.0f}")


def million(port: int) -> None:
    """Memory over a million messages with a receipt each."""
    print(f"\n{'messages with a receipt each, submit_many':<48}{'/s':>10}{'CPU us':>10}{'peak MB':>10}")
    for messages in (10_000, 100_000, 1_000_000):
        found = run("bulk", port, messages, "--receipts")
        print(f"  {messages:<46,}{found['rate']:>10,.0f}{found['cpu']:>10.1f}{found['megabytes']:>10.0f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long a run takes")
    parser.add_argument("--depths", action="store_true", help="also with 10^3, 10^5 and 10^6 receipts outstanding")
    parser.add_argument("--million", action="store_true", help="also a million messages with receipts, for the memory")
    arguments = parser.parse_args()
    arguments.peers = [peer for peer in PEERS if peer == "smpplib" or importlib.util.find_spec("aiosmpplib")]
    with sink.running() as (port, what):
        print(f"Against {what}. Times: of the fastest peer as it ships.")
        if len(arguments.peers) == 1:
            print("aiosmpplib is not installed, so it is not measured: pip install --group bench")
        for title, (options, share) in TABLES.items():
            table(title, port, arguments, options=options, share=share)
        if arguments.depths:
            depths(port)
        if arguments.million:
            million(port)


if __name__ == "__main__":
    main()
