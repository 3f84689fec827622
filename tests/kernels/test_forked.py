"""Forked kernels behave as ordinary ones, share nothing, and end with what started them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from costeff.kernels import KERNEL
from costeff.kernels.server import CannotForkError, ClosedError, ForkServer, close_servers, server_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

# All that one notebook could leave behind for another.
STATE = """
import gc, json, locale, os, random, signal, sys, threading, warnings
import matplotlib.figure, netCDF4, numpy, pandas, seaborn, xarray
state = {
    "cwd": os.getcwd(),
    "env": {k: v for k, v in os.environ.items() if k != "JPY_PARENT_PID"},
    "rc": {k: repr(v) for k, v in matplotlib.rcParams.items()},
    "display": {k: repr(pandas.get_option(k)) for k in ("display.max_rows", "display.precision", "mode.copy_on_write")},
    "xarray": {k: repr(v) for k, v in xarray.get_options().items()},
    "numpy": {k: repr(v) for k, v in numpy.get_printoptions().items()},
    "errors": numpy.geterr(),
    "filters": sorted({repr(f) for f in warnings.filters}),
    "path": sys.path,
    "umask": os.umask(0o22),
    "locale": locale.setlocale(locale.LC_ALL),
    "signals": [repr(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE)],
    "names": sorted(n for n in globals() if n.startswith("mine")),
    "gc": [gc.isenabled(), gc.get_threshold()],
    "recursion": sys.getrecursionlimit(),
    "module": getattr(json, "mine", None),
}
os.umask(state["umask"])
print(json.dumps(state, sort_keys=True))
"""

SPOIL = """
import gc, json, os, random, sys, warnings
import matplotlib, numpy, pandas, xarray
os.chdir("/"); os.environ["MINE"] = "1"; os.umask(0o777)
matplotlib.rcParams["font.size"] = 33; matplotlib.use("agg")
pandas.set_option("display.max_rows", 3); xarray.set_options(display_width=33); numpy.set_printoptions(precision=1)
numpy.seterr(all="raise"); random.seed(1); numpy.random.seed(1)
warnings.simplefilter("error"); sys.path.insert(0, "/mine"); json.mine = 1; mine = 1
sys.setrecursionlimit(5000); gc.disable()
kept = open("/proc/self/status")
print("spoiled")
"""


# Of a server that imports nothing beforehand, and so is started soon.
BARE = Config(ForkedProvisioner={"preload": []})


def run(*cells, kernel=KERNEL, timeout=60, config=None):
    """The printed text of each cell, run in a kernel of its own."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    manager = AsyncKernelManager
    NotebookClient(
        notebook, kernel_name=kernel, timeout=timeout, kernel_manager_class=manager, config=config or Config()
    ).execute()
    return ["".join(o.text for o in cell.outputs if o.get("name") == "stdout") for cell in notebook.cells]


@pytest.fixture(scope="module", autouse=True)
def _servers():
    yield
    close_servers()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid, seconds=10):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def test_it_is_found_by_its_name():
    spec = KernelSpecManager().get_kernel_spec(KERNEL)
    assert spec.metadata["kernel_provisioner"]["provisioner_name"] == "costeff-forked"


def test_a_forked_kernel_starts_as_an_ordinary_one_does_and_nothing_crosses_from_one_to_the_next():
    forked, ordinary = json.loads(run(STATE)[0]), json.loads(run(STATE, kernel="python3")[0])
    different = {key for key in ordinary if forked[key] != ordinary[key]}
    env = {k for k in ordinary["env"] | forked["env"] if ordinary["env"].get(k) != forked["env"].get(k)}
    assert {key: (forked[key], ordinary[key]) for key in different - {"env"}} == {}
    assert env <= {"MPLBACKEND", "JPY_SESSION_NAME"}
    assert run(SPOIL)[0] == "spoiled\n"
    assert json.loads(run(STATE)[0]) == forked


def test_random_numbers_are_not_shared():
    cell = "import random, numpy; print(random.random(), numpy.random.rand(), random.getstate()[1][0])"
    assert len({run(cell)[0] for _ in range(3)}) == 3


def test_files_of_the_server_are_not_open_in_a_kernel():
    cell = "import os; print(sorted(os.readlink(f'/proc/self/fd/{f}') for f in os.listdir('/proc/self/fd')\
 if os.path.exists(f'/proc/self/fd/{f}')))"
    assert "/proc/self/status" not in run(cell)[0]


def test_imports_are_done_before_the_first_cell():
    assert (
        run("import sys; print('matplotlib.figure' in sys.modules, 'costeff.report' in sys.modules)")[0]
        == "True False\n"
    )


def test_a_cell_that_hangs_is_stopped_and_one_that_fails_is_told():
    with pytest.raises(CellTimeoutError):
        run("while True: pass", timeout=1)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        run("1 / 0")


@pytest.mark.parametrize("end", ["os._exit(3)", "os.kill(os.getpid(), 9)", "os.abort()"])
def test_a_kernel_that_dies_is_noticed_and_the_next_is_whole(end):
    with pytest.raises(DeadKernelError):
        run(f"import os; {end}")
    assert run("print(1)")[0] == "1\n"


def test_it_can_be_interrupted_and_restarted():
    manager, client = start_new_kernel(kernel_name=KERNEL)
    try:
        client.execute("import time\ntime.sleep(60)")
        time.sleep(1)
        manager.interrupt_kernel()
        assert client.get_shell_msg(timeout=10)["content"]["ename"] == "KeyboardInterrupt"
        first = manager.provisioner.pid
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=20)
        assert manager.provisioner.pid != first
        assert gone(first)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert gone(manager.provisioner.pid) if manager.provisioner else True


def test_many_at_once():
    async def one(number):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"print({number} ** 2)")])
        await NotebookClient(notebook, kernel_name=KERNEL, timeout=60).async_execute()
        return notebook.cells[0].outputs[0].text

    async def several():
        return await asyncio.gather(*map(one, range(5)))

    assert asyncio.run(several()) == [f"{number**2}\n" for number in range(5)]


OWNER = """
import sys, time
from jupyter_client.manager import KernelManager
from traitlets.config import Config
manager = KernelManager(kernel_name="costeff", config=Config(ForkedProvisioner={"preload": []}))
manager.start_kernel()
client = manager.blocking_client()
client.start_channels()
client.wait_for_ready()
client.execute_interactive("import os; print(os.getpid(), os.getppid(), flush=True)")
sys.stdout.flush()
time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["owner", "server"])
def test_no_process_outlives_a_kill(victim):
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        kernel, server = map(int, owner.stdout.readline().split())
        os.kill(owner.pid if victim == "owner" else server, signal.SIGKILL)
        assert gone(kernel)
        assert gone(server)
    finally:
        owner.kill()
        owner.wait()


def test_a_server_with_threads_is_not_used_and_the_kernel_is_an_ordinary_one(monkeypatch, tmp_path, caplog):
    (tmp_path / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CannotForkError, match="2 threads"):
        ForkServer(sys.executable, ["threaded"], os.environ).wait()
    monkeypatch.setenv("COSTEFF_KERNEL_PRELOAD", "threaded")
    assert run("import sys; print('threaded' in sys.modules)", config=BARE)[0] == "False\n"
    assert "An ordinary kernel is started" in caplog.text


def test_a_server_is_there_at_once_and_loads_its_libraries_beside_its_owner(monkeypatch, tmp_path):
    gate = tmp_path / "gate"
    (tmp_path / "slow.py").write_text(
        f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.05)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = server_for(sys.executable, ["slow"], os.environ)
    assert server.alive  # and still loading
    assert server_for(sys.executable, ["slow"], os.environ) is server
    gate.touch()
    server.wait()
    other = server_for(sys.executable, ["never"], {**os.environ, "PYTHONPATH": str(tmp_path / "elsewhere")})
    assert other is not server
    close_servers()  # also one that is still loading
    assert not server.alive
    assert not other.alive


def test_where_processes_cannot_be_forked_the_kernel_is_an_ordinary_one(monkeypatch, caplog):
    monkeypatch.setattr("costeff.kernels.provisioner.FORKS", False)
    server = run("import os, subprocess; print(os.getppid())")[0]
    assert int(server) == os.getpid()
    assert "only Linux" in caplog.text


def test_a_server_that_was_killed_is_replaced():
    server = int(run("import os; print(os.getppid())", config=BARE)[0])
    assert server != os.getpid()
    os.kill(server, signal.SIGKILL)
    assert gone(server)
    assert int(run("import os; print(os.getppid())", config=BARE)[0]) not in (server, os.getpid())


ROOT = Path(__file__).parents[2]


def test_a_server_that_is_still_loading_ends_with_its_owner(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    code = textwrap.dedent("""
        import os, sys, time
        from costeff.kernels.server import ForkServer
        print(ForkServer(sys.executable, ["slow"], os.environ)._process.pid, flush=True)
        time.sleep(float(sys.argv[1]))
        os._exit(0)
    """)
    for moment in ("0", "1.5"):  # before it runs at all, and while it loads
        env = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
        owner = subprocess.run([sys.executable, "-c", code, moment], env=env, stdout=subprocess.PIPE, text=True)
        assert gone(int(owner.stdout))


def test_who_closes_its_servers_gets_no_ordinary_kernel_instead(monkeypatch, tmp_path):
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = server_for(sys.executable, ["slow"], os.environ)
    threading.Timer(0.3, close_servers).start()
    with pytest.raises(ClosedError):
        server.fork([], {}, str(tmp_path), quiet=True)
