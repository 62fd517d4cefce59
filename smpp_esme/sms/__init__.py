"""What is inside short_message: alphabets, segments, envelopes, receipts, HLR records, and how SMSCs differ.

Data and pure functions: no I/O but the reading of profile files, no clock, no logging. Writing is strict and says what
is allowed; reading is patient and loses nothing.
"""
