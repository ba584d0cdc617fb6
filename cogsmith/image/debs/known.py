"""Packages whose scripts were read by people: what they do, and what we do in their place.

A package may run only the lines that stand here for it; a new version with others is refused.
"""

from __future__ import annotations

import re

from cogsmith.values import dataclass

__all__ = ["KNOWN", "NEEDED", "WATCHERS", "Alternative", "Known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A link in the care of update-alternatives(1); slaves are (link, name, path)."""

    link: str
    name: str
    path: str
    priority: int
    slaves: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """``lines``: what the package may run. ``links`` are made where their target is there.

    ``note``: what a person loses, told after the build. ``certificates``: the bundle is made.
    """

    lines: str
    links: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    note: str = ""
    certificates: bool = False

    def may_run(self, command: str) -> bool:
        """Whether the command is one of those that we know of."""
        return re.fullmatch(self.lines, command, re.DOTALL) is not None


_FONTS = "/usr/share/fontconfig/conf.avail"
_LFS = """[filter "lfs"]
\tclean = git-lfs clean -- %f
\tsmudge = git-lfs smudge -- %f
\tprocess = git-lfs filter-process
\trequired = true
"""
_UTILS = ("cat", "more", "less", "diff", "cmp", "grep", "egrep", "fgrep")
_GDK = Known(
    lines=r".*gdk-pixbuf-query-loaders.*",
    note="the loaders of gdk-pixbuf are not registered: it reads what is built in (PNG, JPEG)",
)
_GLIB = Known(
    lines=r"install -d .*gio/modules.*|.*glib-compile-schemas\W.*|.*gio-querymodules\W.*|"
    r"\S*handle_triggers\b.*|rm .*|rmdir .*|continue|local .*"
)

KNOWN: dict[str, Known] = {
    "fontconfig-config": Known(
        lines=r"db_\w+ .*|is_initial_configuration .*|ln -s \$CONFAVAIL/\S+ \$CONFDIR/\S+|"
        r"rm \$CONFDIR/.*|mkdir .*LOCALDIR.*|"
        r"(chmod|chown) \S+ \$LOCALDIR|test -e \$CONFDIR/.*\|\|\s+ln -s .*|return [01]",
        links=(
            ("etc/fonts/conf.d/10-hinting-slight.conf", f"{_FONTS}/10-hinting-slight.conf"),
            ("etc/fonts/conf.d/70-no-bitmaps.conf", f"{_FONTS}/70-no-bitmaps.conf"),
        ),
    ),
    # Programs make the cache for themselves when there is none.
    "fontconfig": Known(lines=r"mkdir -p /var/cache/fontconfig|fc-cache .*|printf .*"),
    "git-lfs": Known(
        lines=r"git lfs install --skip-repo --system.*", files=(("etc/gitconfig", _LFS),)
    ),
    "libgdk-pixbuf-2.0-0": _GDK,
    # Schemas of any package would need a compiler: those are refused where they lie.
    "libglib2.0-0": _GLIB,
    "libglib2.0-0t64": _GLIB,
    # On a system for the first time there is no older configuration to keep.
    "libsensors5": Known(
        lines=r"pathfind ucf|(OLD)?IFS=.*|if \[.*|return [01]|ucf -p .*|cmp -s .*|rm -f .*"
    ),
    "procps": Known(
        # Its .procps programs are not in the package any more.
        lines=r"(OLDCONFFILE|NEWCONFFILE|BINNAME|BINPATH|MANSEC)=.*|mv -f .*CONFFILE.*|"
        r"(check_alternatives|mv_conffile) .*|update-alternatives --install \"\$BINPATH.*"
    ),
    # Hooks of Debian's Python compile modules again, for another Python than before.
    "python3": Known(
        lines=r"cat > /etc/python3/debian_config.*|\[DEFAULT\]|byte-compile = standard|EOF|"
        r"\[ -d /etc/python3 \].*|\[ -f /etc/python3/debian_config \].*|oldv=.*|hb=.*|"
        r"update-alternatives --auto /usr/bin/python3.*|! \$hook (post-)?rtupdate .*",
        files=(("etc/python3/debian_config", "[DEFAULT]\nbyte-compile = standard\n"),),
    ),
    "shared-mime-info": Known(
        lines=r"update-mime-database .*",
        note="the database of MIME types is not built: programs of a desktop would miss it",
    ),
    "xz-utils": Known(
        lines=r"dir=.*|echo \"--slave .*|update-alternatives --install /usr/bin/lzma .*",
        alternatives=(
            Alternative(
                link="/usr/bin/lzma",
                name="lzma",
                path="/usr/bin/xz",
                priority=20,
                slaves=(
                    ("/usr/bin/unlzma", "unlzma", "/usr/bin/unxz"),
                    *((f"/usr/bin/lz{u}", f"lz{u}", f"/usr/bin/xz{u}") for u in _UTILS),
                ),
            ),
        ),
    ),
    # All that its script does is to keep the list of certificates, and to make the bundle.
    "ca-certificates": Known(
        lines=r".*",
        certificates=True,
        note="the folder /etc/ssl/certs has the bundle and no links by hash",
    ),
}

# Packages that watch folders (deb-triggers(5)) for what an image can do without: caches that are
# only faster, documentation, desktops, services; and what is done here in another way.
_WATCHERS_WORDS = (
    "ca-certificates dbus debianutils desktop-file-utils fontconfig gnome-menus "
    "hicolor-icon-theme install-info libc-bin libgdk-pixbuf-2.0-0 libglib2.0-0 libglib2.0-0t64 "
    "mailcap man-db menu mime-support python3 python3.11 python3.12 python3.13 "
    "shared-mime-info systemd tex-common udev"
)
WATCHERS = frozenset(_WATCHERS_WORDS.split())
# What the packages among them cannot do without.
NEEDED = re.compile(r"usr/share/glib-2\.0/schemas/.+\.xml|usr/share/debianutils/shells\.d/.+")
