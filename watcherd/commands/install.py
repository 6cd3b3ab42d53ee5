"""``watcherd install``: make watcherd a service of systemd."""

import argparse
import os
from pathlib import Path

from watcherd.commands.options import Subparsers, add_command
from watcherd.config import find_config, load
from watcherd.config.files import SYSTEM_CONFIG
from watcherd.errors import EXIT_OK, WatcherdError
from watcherd.installation import Installation, install, next_steps, system_installation, user_installation
from watcherd.names import printable
from watcherd.service.accounts import own_account, own_program, require_binding, require_reachable, service_account


def register(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = add_command(commands, "install", "make it a service of systemd, for the folders of the configuration", run)
    parser.add_argument("--user", action="store_true", help="a service of your own, for folders in your home")
    parser.add_argument("--dry-run", action="store_true", help="only print the files that would be written")


def run(options: argparse.Namespace) -> int:
    """Put units, user and message catalog in place; may be run again at any time."""
    require_right_user(of_user=options.user, only_look=options.dry_run)
    installation = _planned(options)
    if options.dry_run:
        for file in installation.files:
            print(f"==> {printable(file.path)}\n{file.text}")
        return EXIT_OK
    for done in install(installation):
        print(done)
    print("Next:")
    for step in next_steps(of_user=installation.of_user):
        print(f"  {step}")
    return EXIT_OK


def require_right_user(*, of_user: bool, only_look: bool = False) -> None:
    """See that root installs for the system, and everybody else for themselves.

    Raises:
        WatcherdError: it is the other way round.
    """
    is_root = os.geteuid() == 0
    if of_user and is_root:
        raise WatcherdError(
            "root has no service of its own", remedy="Leave --user out, or run this as the user whose folders they are"
        )
    if not (of_user or is_root or only_look):
        raise WatcherdError(
            "the service of the system is root's to install and to uninstall",
            remedy="Run this with sudo, or with --user for a service of your own",
        )


def _planned(options: argparse.Namespace) -> Installation:
    program = own_program()
    require_binding(program)
    if options.user:
        require_reachable(program, own_account())
        config = find_config(options.config, os.environ).absolute()
        load(config)  # tells now what is wrong with it
        return user_installation(program, config, os.environ)
    if os.geteuid() == 0:  # nobody else can try out what another user may do
        require_reachable(program, service_account())
    # Not root's own configuration, which the service could not read.
    named = options.config or os.environ.get("WATCHERD_CONFIG") or SYSTEM_CONFIG
    config = Path(named).absolute()
    return system_installation(program, config, load(config))
