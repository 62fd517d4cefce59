"""Measurements, as tables of ratios taken in one run: machines differ and are shared."""
