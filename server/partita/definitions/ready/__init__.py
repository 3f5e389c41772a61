"""Definitions that need no function of the author's: `pt.checks`."""

from partita.definitions.ready import checks as checks
