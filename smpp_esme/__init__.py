"""smpp_esme: an SMPP 3.4 ESME for Python."""
