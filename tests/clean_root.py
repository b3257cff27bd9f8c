"""A Debian of its own in a folder, with what is essential alone: no Python, no systemd running."""

import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_KERNELS = frozenset({"proc", "sys", "dev", "run", "tmp"})
_OF_PACKAGES = (
    "var/lib/dpkg/",
    "var/log/",
    "var/cache/debconf/",
    "var/lib/rpm/",
    "usr/lib/sysimage/rpm/",
)
"""What package managers write for themselves."""


def made_root(folder: Path) -> Path:
    """Makes the root in `folder`, of this machine's release, from Debian's own packages."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    command = ["mmdebstrap", "--mode=root", "--variant=essential", "--include=debconf"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "locale", "man")]
    command += ["--dpkgopt=force-unsafe-io", "--quiet", release, str(folder)]
    subprocess.run(command, check=True, timeout=280)
    # Nothing of it has to outlive a power cut.
    (folder / "etc" / "dpkg" / "dpkg.cfg.d" / "quick").write_text("force-unsafe-io\n")
    (folder / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    return folder


@dataclass(frozen=True, slots=True)
class CleanRoot:
    """One copy of it. Nothing that happens inside is seen outside but the network."""

    folder: Path

    @classmethod
    def copied(cls, root: Path, folder: Path) -> "CleanRoot":
        """A copy of `root` that may be changed."""
        subprocess.run(["cp", "--archive", "--reflink=auto", root, folder], check=True)
        return cls(folder)

    def inside(self, *command: str) -> tuple[str, ...]:
        """The command that runs `command` inside, in the same process from beginning to end."""
        return self.beside("chroot", str(self.folder), *command)

    def beside(self, *command: str) -> tuple[str, ...]:
        """The same for a command that runs outside, and goes in by itself."""
        folder = self.folder
        prepared = (
            f"mount -t proc proc {folder}/proc && mount --rbind /sys {folder}/sys"
            f' && mount --rbind /dev {folder}/dev && exec "$@"'
        )
        mounting = ("unshare", "--mount", "--propagation", "private")
        return (*mounting, "sh", "-c", prepared, "sh", *command)

    def run(self, *command: str) -> str:
        """What `command` says on either output."""
        return ran(*self.inside(*command))

    def bring(self, package: Path) -> str:
        """Copies a package in; its path inside."""
        shutil.copy(package, self.folder / "tmp")
        return f"/tmp/{package.name}"  # noqa: S108 (a folder of its own)

    def add(self, folder: Path, *names: str) -> None:
        """Installs packages of this machine's release and what they need, by way of `folder`."""
        (folder / "partial").mkdir(parents=True)
        options = [f"Dir::State::status={self.folder}/var/lib/dpkg/status"]
        options += [f"Dir::Cache::archives={folder}", "APT::Install-Recommends=false"]
        ran(
            *("apt-get", "-qq", "--download-only", "--yes"),
            *(f"--option={option}" for option in options),
            *("install", *names),
        )
        inside = [self.bring(package) for package in folder.glob("*.deb")]
        # In no order: some have to be there before others are unpacked.
        self.run("dpkg", "--unpack", "--force-depends", *inside)
        self.run("dpkg", "--configure", "--pending")
        self.run("rm", *inside)

    def holding(self) -> set[str]:
        """Every file, link and folder inside but the kernel's and the package managers' own."""
        held = set()
        for path in self.folder.rglob("*"):
            inside = path.relative_to(self.folder)
            if inside.parts[0] not in _KERNELS and not str(inside).startswith(_OF_PACKAGES):
                held.add(str(inside))
        return held


def ran(*command: str, timeout: float = 100) -> str:
    """What a command says on either output. Raises AssertionError with it when it fails."""
    done = subprocess.run(
        command,
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout
