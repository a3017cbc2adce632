"""`python -m freqopt`: the command where no script is installed."""

from freqopt._command import main

main()
