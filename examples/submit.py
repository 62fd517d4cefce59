"""Submits a text and waits for its receipt. Usage: python submit.py smpp://... NUMBER TEXT"""

import asyncio
import sys

import smpp_esme


async def main(url: str, to: str, text: str) -> bool:
    try:
        async with smpp_esme.connect(url, profile="smsc-centre") as esme:
            submission = await esme.submit(to, text, source="ACME")
            print("submitted", *submission.message_ids)
            receipt = await submission.receipt(timeout=60)
    except TimeoutError:
        print("no receipt within a minute; the message stays submitted")
        return False
    except smpp_esme.SmppError as error:
        print(type(error).__name__, error)
        return False
    print(receipt.stat, receipt.error)
    return receipt.stat == "DELIVRD"


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(*sys.argv[1:4])))
