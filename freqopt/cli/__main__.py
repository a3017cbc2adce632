"""`python -m freqopt.cli`: the command where no script is installed."""

from freqopt.cli import main

main()
