"""`python -m smpp_esme` is the `smpp-esme` command."""

from smpp_esme.cli import main

main()
