"""`python -m freqopt`: the command where no script is installed."""

from freqopt.cli import main

main()
