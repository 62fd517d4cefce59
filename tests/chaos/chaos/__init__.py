"""Faults in real processes, and the books that must balance after them.

A daemon, an SMSC and a network between them are killed, cut, starved of disk and stepped in time, while messages are
handed in over HTTP; see `campaign`.
"""
