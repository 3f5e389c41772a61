"""`python -m partita.cli`: the same as `partita`."""

from partita.cli.main import main

main()
