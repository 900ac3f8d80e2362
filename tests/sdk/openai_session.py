"""What checks of OpenAI's Python client share: the client, and reading events until one comes."""

import asyncio
import os

from openai import AsyncOpenAI

PATIENCE = 20
client = AsyncOpenAI(api_key="any", base_url=os.environ["PARLA_URL"] + "v1")


def said(text):
    content = [{"type": "input_text", "text": text}]
    return {"type": "message", "role": "user", "content": content}


async def until(connection, kind):
    """All events up to the first of that type, each of the class that the client has for it."""
    events = []
    async with asyncio.timeout(PATIENCE):
        async for event in connection:
            assert type(event).__name__ != "BaseModel", event
            events.append(event)
            if event.type == kind:
                return events


def kinds(events):
    """Types in their order, repetitions once."""
    found = [event.type for event in events]
    return [kind for i, kind in enumerate(found) if i == 0 or found[i - 1] != kind]
