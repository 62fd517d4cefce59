"""What the daemon stands on, so that it can be taken away: its disk, its database server, its clock."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from smpp_esme.cli.demo.processes import port_near

DISK = "64m"


class Disk:
    """A folder on a file system of its own that can be filled up; where none can be mounted, one that cannot."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={DISK},mode=0700", "smpp-esme-chaos"]
        told = subprocess.run(["mount", *options, folder], capture_output=True, check=False) if _may_mount() else None
        self.can_be_filled = told is not None and told.returncode == 0
        self._filler = folder / "filler"

    def fill(self):
        """Leave no octet free."""
        file = os.open(self._filler, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        with contextlib.suppress(OSError):  # the daemon may be faster
            told = os.fstatvfs(file)
            os.posix_fallocate(file, 0, max(told.f_bavail * told.f_frsize, 1))
        with contextlib.suppress(OSError):
            while os.write(file, b"\0" * 4096):
                pass
        os.close(file)

    def free(self):
        self._filler.unlink(missing_ok=True)

    def close(self):
        if self.can_be_filled:
            subprocess.run(["umount", "-l", self.folder], check=True)


def _may_mount():
    return os.geteuid() == 0 and shutil.which("mount")


class Quota:
    """A process that may not make files longer than they are: to it, the disk fails."""

    def __init__(self, pid, longest):
        self._pid = pid
        self._longest = longest

    def __enter__(self):
        self._before = resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (self._longest, resource.RLIM_INFINITY))

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, self._before)


class Clock:
    """A wall clock that can be stepped, for processes that are started with its environment."""

    def __init__(self, folder):
        self._offset = folder / "clock"
        self._library = folder / "clock.so"
        self.step(0)
        compiler = shutil.which("cc")
        source = Path(__file__).with_name("clock.c")
        command = [compiler, "-shared", "-fPIC", "-O2", "-o", self._library, source, "-ldl"]
        self.can_be_stepped = bool(compiler) and subprocess.run(command, check=False).returncode == 0

    @property
    def environment(self):
        if not self.can_be_stepped:
            return {}
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._offset)}

    def step(self, seconds):
        """Set it so far from the true time, at once."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:  # in place: it is mapped
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


def find_initdb():
    """The newest server's, which stands where only its own scripts look; or None."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")), shutil.which("initdb")]
    return Path(found[-2] if len(found) > 1 else found[-1]) if any(found) else None


class Cluster:
    """A PostgreSQL server of the test's own, which may be killed without anybody else's noticing."""

    def __init__(self):
        self.programs = find_initdb().parent
        # Not under pytest's folders: those are root's alone, and root may not run a server.
        self._folder = Path(tempfile.mkdtemp(prefix="smpp-esme-cluster-"))
        self.port = port_near(0)
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self):
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-D", self._data)
        self.start()

    def start(self):
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-w", "-D", self._data, "-l", self._folder / "log", "-o", options, "start")

    def stop(self, how):
        """Stop it: "fast" ends transactions in order, "immediate" is a crash."""
        self._run("pg_ctl", "-w", "-D", self._data, "-m", how, "stop")

    def close(self):
        with contextlib.suppress(subprocess.CalledProcessError):  # it may be stopped already
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self):
        return self._folder / "data"

    def _run(self, program, *arguments):
        command = [str(self.programs / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        subprocess.run(
            command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


async def quietly(work, *arguments):
    """Run what blocks in a thread."""
    return await asyncio.to_thread(work, *arguments)
