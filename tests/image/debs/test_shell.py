"""What maintainer scripts run on a first installation, and whether it matters."""

from __future__ import annotations

import pytest

from cogsmith.image.debs.scripts import judge
from cogsmith.image.debs.shell import commands


def run(script: str, *programs: str) -> list[str]:
    return [line for line in commands(script, "configure", programs) if line != "set -e"]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param('if [ "$1" = "upgrade" ]; then\n  bad\nfi', id="upgrade"),
        pytest.param('if [ "$1" = triggered ]\nthen bad\nfi', id="then on its own line"),
        pytest.param('if [ "$1" = configure ]; then :; else bad; fi', id="else"),
        pytest.param('if [ "$1" != configure ] && [ -e /x ]; then bad; fi', id="and"),
        pytest.param('if test -n "$2"; then bad; fi', id="an older version"),
        pytest.param('if dpkg --compare-versions "$2" gt 1; then bad; fi', id="newer than"),
        pytest.param('if dpkg --compare-versions "$2" lt-nl 1; then bad; fi', id="lt-nl"),
        pytest.param("if [ -x /usr/bin/nobody ]; then bad; fi", id="a program that is not there"),
        pytest.param("if command -v nobody >/dev/null; then bad; fi", id="command -v"),
        pytest.param("[ -x /usr/bin/nobody ] && bad", id="and without if"),
        pytest.param("if [ -d /run/systemd/system ]; then bad; fi", id="systemd"),
        pytest.param('case "$1" in\n triggered)\n  bad\n;;\nesac', id="case"),
        pytest.param('case "$1" in configure) ;; *) bad;; esac', id="case on one line"),
        pytest.param('if [ "$1" = upgrade ]; then if [ -e /x ]; then bad; fi; fi', id="nested"),
        pytest.param("# bad", id="comment"),
        pytest.param(
            "# Automatically added by dh_systemd_start/13\nbad\n# End automatically added section",
            id="debhelper",
        ),
    ],
)  # fmt: skip
def test_other_occasions_do_not_count(script: str) -> None:
    assert "bad" not in " ".join(run(f"set -e\n{script}\n"))


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("bad", id="plain"),
        pytest.param('if [ "$1" = configure ]; then\n  bad\nfi', id="configure"),
        pytest.param('if [ "$1" = configure -o "$1" = x ]; then bad; fi', id="or"),
        pytest.param("if [ -e /x ]; then bad; fi", id="who knows"),
        pytest.param("if [ -x /bin/there ]; then bad; fi", id="a program that is there"),
        pytest.param("if bad; then :; fi", id="in a condition"),
        pytest.param("if bad && [ -e /x ]; then :; fi", id="in a part of a condition"),
        pytest.param('if dpkg --compare-versions "$2" lt 1; then bad; fi', id="older than"),
        pytest.param('case "$1" in\n  configure|x)\n  bad\n ;;\nesac', id="case"),
        pytest.param('case "$RET" in\n  x)\n  bad\n ;;\nesac', id="another case"),
        pytest.param("f() {\n  bad\n}\nf", id="function"),
        pytest.param("for x in a b; do bad; done", id="loop"),
        pytest.param("for x in $(bad); do :; done", id="what a loop goes through"),
        pytest.param("while bad; do :; done", id="while"),
        pytest.param("[ -e /x ] || bad", id="or without if"),
        pytest.param("(bad)", id="subshell"),
        pytest.param("if [ -x /usr/lib/x/tool ]; then bad; fi", id="a program elsewhere"),
        pytest.param('echo "a # b"; bad', id="after what looks like a comment"),
        pytest.param("echo a#b; bad", id="after a word with a sharp in it"),
        pytest.param("case $1 in conf*) bad;; esac", id="a pattern with a star"),
        pytest.param('f() { if [ "$1" = upgrade ]; then bad; fi; }\nf upgrade', id="arguments"),
        pytest.param('f() { case "$1" in upgrade) bad;; esac; }\nf upgrade', id="a case in it"),
        pytest.param("f() { :; }\nf $(bad)", id="argument of a function"),
        pytest.param(
            "# Automatically added by dh_ucf/13\nbad\n# End automatically added section", id="ucf"
        ),
    ],
)  # fmt: skip
def test_what_may_run_counts(script: str) -> None:
    assert "bad" in " ".join(run(f"set -e\n{script}\n", "there"))


@pytest.mark.parametrize(
    "line",
    [
        "ldconfig", "rm -f /etc/old || true", "X=1", 'X="$1"', "exit 0",
        "update-alternatives --remove a /b",
        "deb-systemd-helper enable x.service >/dev/null", "echo done >&2",
        ". /usr/share/debconf/confmodule",
        "[ -e /x ] && rm /x",
    ],
)  # fmt: skip
def test_harmless(line: str) -> None:
    script = f"#!/bin/sh\n{line}\n".encode()
    assert judge("x", {"postinst": script}, ()).matters == ()


@pytest.mark.parametrize(
    "line",
    [
        "adduser x", "X=$(adduser x)", "X=`adduser x`", "echo x > /etc/x", "chmod 600 /etc/x",
        "rm -f /x && adduser x", "true | adduser x", 'update-alternatives --install "$A" b /c 10',
        "dpkg-divert --add --rename /usr/bin/x", "/usr/sbin/adduser x", "cat <<EOF",
        "ldconfig; adduser x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("script", ["preinst", "postinst"])
def test_what_matters(script: str, line: str) -> None:
    assert judge("x", {script: f"#!/bin/sh\n{line}\n".encode()}, ()).matters


def test_a_program_in_another_language() -> None:
    script = b"#!/usr/bin/perl\nprint 1;\n"
    assert judge("x", {"postinst": script}, ()).matters == ("postinst is no shell script",)


def test_a_function_counts_where_it_is_written() -> None:
    assert run("f() {\n  adduser x\n}\nf one two\n") == ["adduser x"]


def test_removal_does_not_matter() -> None:
    assert (
        judge("x", {"postrm": b"#!/bin/sh\nbad\n", "prerm": b"#!/bin/sh\nbad\n"}, ()).matters == ()
    )


def test_alternatives_with_slaves() -> None:
    script = (
        "#!/bin/sh\nupdate-alternatives --quiet --install /usr/bin/cc cc /usr/bin/gcc 20 \\\n"
        "  --slave /usr/bin/cc1 cc1 /usr/bin/gcc1 || true\n"
    )
    (found,) = judge("x", {"postinst": script.encode()}, ()).alternatives
    assert (found.link, found.name, found.path, found.priority) == (
        "/usr/bin/cc", "cc", "/usr/bin/gcc", 20,
    )  # fmt: skip
    assert found.slaves == (("/usr/bin/cc1", "cc1", "/usr/bin/gcc1"),)


def test_a_known_package_may_not_do_more_than_is_known() -> None:
    known = b"#!/bin/sh\ngit lfs install --skip-repo --system > /dev/null 2>&1\n"
    assert judge("git-lfs", {"postinst": known}, ()).matters == ()
    assert judge("git-lfs", {"postinst": known + b"adduser lfs\n"}, ()).matters == ("adduser lfs",)
    assert judge("other", {"postinst": known}, ()).matters
