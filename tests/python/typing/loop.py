"""A program that runs on the event loop, for type checkers."""

from __future__ import annotations

import asyncio

import anysock.loop


async def length(text: str) -> int:
    loop = asyncio.get_running_loop()
    loop.call_soon(print, text)
    await asyncio.sleep(0)
    return len(text)


def main() -> int:
    loop: asyncio.AbstractEventLoop = anysock.loop.new_event_loop()
    loop.close()
    anysock.loop.install()
    policy: asyncio.AbstractEventLoopPolicy = anysock.loop.EventLoopPolicy()
    policy.new_event_loop().close()
    number: int = anysock.loop.run(length("text"), debug=True)
    return number + anysock.loop.run(length("more"), loop_factory=anysock.loop.Loop)
