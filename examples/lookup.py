"""Looks numbers up, all at once. Usage: python lookup.py smpp://... MSISDN..."""

import asyncio
import sys

import smpp_esme


async def main(url: str, msisdns: list[str]) -> None:
    async with smpp_esme.connect(url, profile="smsc-centre") as esme:
        records = await asyncio.gather(*map(esme.lookup, msisdns), return_exceptions=True)
    for msisdn, record in zip(msisdns, records, strict=True):
        if isinstance(record, smpp_esme.HlrRecord):
            print(msisdn, record.reachable, record.operator, record.roaming_country or "at home")
        else:
            print(msisdn, repr(record))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
