"""Starting programs: what comes out, how failures read, and that nothing is left running."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import CommandFailed, MissingProgram
from cogsmith.process import Dialog, draw, run, star

PATIENCE = 20.0


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2][:1]
    except OSError:
        return False
    return state != "Z"


def until(condition: object) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.01)
    return False


def test_both_streams_come_apart_and_lines_come_in_order() -> None:
    heard: list[str] = []
    done = run(sh("echo one; echo two >&2; sleep 0.05; printf three"), on_line=heard.append)
    assert (done.exit_code, done.output, done.errors) == (0, "one\nthree\n", "two\n")
    assert sorted(heard[:2]) == ["one", "two"]
    assert heard[2] == "three"


def test_a_program_reads_nothing_from_us_and_gets_our_environment(tmp_path: Path) -> None:
    done = run(sh("cat; echo $NAME; pwd"), env={"NAME": "ada"}, cwd=tmp_path)
    assert done.output == f"ada\n{tmp_path}\n"


def test_much_output_on_both_streams_does_not_stop_it() -> None:
    script = "import sys; sys.stdout.write('x' * 300_000); sys.stderr.write('y' * 300_000)"
    done = run((sys.executable, "-c", script))
    assert (len(done.output), len(done.errors)) == (300_001, 300_001)


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert run(sh(r"printf '\377ok'")).output == "�ok\n"


def test_a_failure_says_which_program_how_and_its_last_words() -> None:
    with pytest.raises(CommandFailed) as caught:
        run(sh("echo context; echo reason >&2; exit 3"))
    assert caught.value.exit_code == 3
    assert caught.value.tail.splitlines() == ["context", "reason"]
    assert str(caught.value).startswith("sh -c ended with exit code 3:")


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(MissingProgram) as caught:
        run(("no-such-program",))
    assert caught.value.message == (
        "no-such-program cannot be started: there is no such program here"
    )
    assert caught.value.hint == "install no-such-program, or check PATH"
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


def test_a_folder_that_is_not_there_is_not_taken_for_the_program(tmp_path: Path) -> None:
    with pytest.raises(MissingProgram, match="folder"):
        run(("true",), cwd=tmp_path / "gone")


def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program", "utf-8")
    with pytest.raises(MissingProgram, match="cannot be started"):
        run((str(tmp_path / "text"),))


def test_secrets_are_starred_everywhere() -> None:
    heard: list[str] = []
    with pytest.raises(CommandFailed) as caught:
        run(
            sh("echo token=sesame; echo https://me:pw@host/x >&2; exit 1 # sesame"),
            on_line=heard.append, secrets=("sesame",),
        )  # fmt: skip
    shown = f"{caught.value} {caught.value.words} {caught.value.tail} {heard}"
    assert "sesame" not in shown
    assert "me:pw" not in shown
    assert "https://****@host/x" in heard


@pytest.mark.parametrize(
    ("text", "starred"),
    [
        ("https://me:pw@host/simple", "https://****@host/simple"),
        ("https://token@host/simple", "https://****@host/simple"),
        ("git+https://me:p%40w@host/x.git", "git+https://****@host/x.git"),
        ("git+ssh://git@host/x.git", "git+ssh://git@host/x.git"),
        ("https://host/a@b", "https://host/a@b"),
        ("two https://a:b@c and http://d:e@f", "two https://****@c and http://****@f"),
        ("nothing here", "nothing here"),
    ],
)
def test_credentials_in_urls(text: str, starred: str) -> None:
    assert star(text) == starred


@given(st.text(), st.lists(st.text(min_size=1, max_size=8).filter(lambda s: "*" not in s)))
def test_no_secret_survives(text: str, secrets: list[str]) -> None:
    starred = star(text, secrets)
    assert not any(secret in starred for secret in secrets)


def test_a_program_that_draws_sees_a_terminal_and_its_frames_are_lines() -> None:
    heard: list[str] = []
    script = r"test -t 2 && printf '10%%\r\033[2K\033[32m20%%\033[0m\r\n' >&2; echo result"
    done = draw(sh(script), on_line=heard.append)
    assert done.output == "result\n"
    assert [line for line in done.errors.splitlines() if line] == ["10%", "20%"]
    assert sorted(heard) == ["10%", "20%", "result"]


def test_a_drawing_program_that_fails_keeps_its_last_words() -> None:
    with pytest.raises(CommandFailed, match="the reason"):
        draw(sh("echo the reason >&2; exit 2"))


def test_when_a_listener_raises_the_whole_group_is_ended(tmp_path: Path) -> None:
    def stop(line: str) -> None:
        raise ZeroDivisionError(line)

    script = f"sleep 60 & echo $! > {tmp_path}/pid; echo go; wait"
    with pytest.raises(ZeroDivisionError):
        run(sh(script), on_line=stop)
    assert until(lambda: not alive(int((tmp_path / "pid").read_text("ascii"))))


def test_ctrl_c_ends_the_whole_group(tmp_path: Path) -> None:
    program = (
        "from cogsmith.process import run\n"
        f"run(('sh', '-c', 'sleep 60 & echo $! > {tmp_path}/pid; wait'))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, start_new_session=True
    )
    pid = tmp_path / "pid"
    assert until(lambda: pid.exists() and pid.read_text("ascii").strip())
    os.kill(child.pid, signal.SIGINT)
    _, errors = child.communicate(timeout=PATIENCE)
    assert b"KeyboardInterrupt" in errors
    assert until(lambda: not alive(int(pid.read_text("ascii"))))


def test_a_program_that_does_not_listen_is_ended_too(tmp_path: Path) -> None:
    def stop(line: str) -> None:
        raise ZeroDivisionError(line)

    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    script = f"{deaf}; print('go', flush=True); time.sleep(60)"
    with pytest.raises(ZeroDivisionError):
        run((sys.executable, "-c", script), on_line=stop)


ECHO = "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1], flush=True)\n"


def test_a_dialog_answers_line_by_line_and_ends_with_its_input() -> None:
    dialog = Dialog((sys.executable, "-c", ECHO))
    assert [dialog.ask("one"), dialog.ask("x" * 200_000)[:3]] == ["eno\n", "xxx"]
    dialog.close()
    dialog.close()
    with pytest.raises(ValueError, match="closed"):
        dialog.ask("two")


def test_a_dialog_that_has_ended_says_how() -> None:
    program = "import sys; sys.stdin.readline(); sys.stdout.write('no'); sys.exit(7)"
    dialog = Dialog((sys.executable, "-c", program))
    with pytest.raises(CommandFailed, match="no") as caught:
        dialog.ask("one")
    assert caught.value.exit_code == 7
    dialog.close()
