"""Submits a few texts and keeps each receipt in SQLite before the SMSC is told that it was taken.

Usage: python keep_receipts.py smpp://... FILE
"""

import asyncio
import sqlite3
import sys

import smpp_esme

NUMBERS = ("79161234567", "79161230001", "79161230002")


async def main(url: str, path: str) -> None:
    database = sqlite3.connect(path)
    database.execute("create table if not exists receipt (message_id text primary key, stat text, error text)")
    async with smpp_esme.connect(url, profile="smsc-centre") as esme, esme.receipts() as receipts:
        waiting = set[str]()
        for number in NUMBERS:
            submission = await esme.submit(number, "Your order has been shipped")
            waiting |= set(submission.message_ids)
        async for receipt in receipts:
            with database:  # commits; if that fails, the SMSC hears ESME_RX_T_APPN and keeps the receipt
                row = (receipt.message_id, receipt.stat, receipt.error)
                database.execute("insert or replace into receipt values (?, ?, ?)", row)
            waiting.discard(receipt.message_id)
            if not waiting:
                break
    for row in database.execute("select message_id, stat, error from receipt order by message_id"):
        print(*row)
    database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
