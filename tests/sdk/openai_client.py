"""OpenAI's own Python client against a running parla: what it parses is what it was promised."""

import asyncio
import base64

from openai import AsyncOpenAI

from openai_session import client, kinds, said, until


async def a_text_turn():
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await until(connection, "session.created")
        # The practice tutor calls nothing, and answers all the same.
        look = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
        session = {"type": "realtime", "output_modalities": ["text"], "tools": [look]}
        await connection.session.update(session=session)
        await until(connection, "session.updated")
        await connection.conversation.item.create(item=said("Hello, I am Ana."))
        await connection.response.create()
        events = await until(connection, "response.done")
        assert kinds(events) == [
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "rate_limits.updated",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ], kinds(events)
        text = "".join(event.delta for event in events if event.type.endswith("text.delta"))
        response = events[-1].response
        assert response.status == "completed"
        assert response.output[0].content[0].text == text != ""


async def an_audio_turn_and_what_becomes_of_its_item():
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.conversation.item.create(item=said("Hello, I am Ana."))
        await connection.response.create()
        events = await until(connection, "response.done")
        deltas = [event for event in events if event.type == "response.output_audio.delta"]
        pcm = b"".join(base64.b64decode(event.delta) for event in deltas)
        assert len(pcm) > 48_000 and any(pcm), len(pcm)
        item = events[-1].response.output[0]
        assert item.content[0].transcript
        truncate = connection.conversation.item.truncate
        await truncate(item_id=item.id, content_index=0, audio_end_ms=700)
        await until(connection, "conversation.item.truncated")
        await connection.conversation.item.retrieve(item_id=item.id)
        retrieved = (await until(connection, "conversation.item.retrieved"))[-1]
        assert retrieved.item.id == item.id
        await connection.conversation.item.delete(item_id=item.id)
        await until(connection, "conversation.item.deleted")


async def errors_leave_the_session_open():
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.send({"type": "response.cancel", "event_id": "mine"})
        error = (await until(connection, "error"))[-1].error
        assert (error.code, error.event_id) == ("response_cancel_not_active", "mine"), error
        await connection.input_audio_buffer.commit()
        error = (await until(connection, "error"))[-1].error
        assert error.code == "input_audio_buffer_commit_empty", error
        await connection.send({"type": "session.update", "session": {"type": "realtime", "instructions": 7}})
        error = (await until(connection, "error"))[-1].error
        assert (error.code, error.param) == ("invalid_value", "session.instructions"), error
        # This server has nothing to hear with.
        sound = base64.b64encode(bytes(24_000)).decode()
        await connection.input_audio_buffer.append(audio=sound)
        error = (await until(connection, "error"))[-1].error
        assert error.code == "no_ears", error
        await connection.session.update(session={"type": "realtime"})
        await until(connection, "session.updated")


async def an_answer_beside_the_conversation():
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.response.create(
            response={
                "conversation": "none",
                "output_modalities": ["text"],
                "metadata": {"topic": "greeting"},
                "instructions": "Greet back.",
                "input": [said("Hello!")],
            }
        )
        events = await until(connection, "response.done")
        response = events[-1].response
        assert response.metadata == {"topic": "greeting"} and response.conversation_id is None
        assert "conversation.item.added" not in kinds(events)
        assert response.output[0].content[0].text


async def a_secret_carries_its_session():
    session = {"type": "realtime", "instructions": "Be brief.", "output_modalities": ["text"]}
    secret = await client.realtime.client_secrets.create(session=session)
    assert secret.value.startswith("ek_") and secret.session.instructions == "Be brief."
    browser = AsyncOpenAI(api_key=secret.value, base_url=client.base_url)
    async with browser.realtime.connect(model="gpt-realtime") as connection:
        created = (await until(connection, "session.created"))[-1]
        assert created.session.instructions == "Be brief."
        assert created.session.output_modalities == ["text"]


async def main():
    for check in [
        a_text_turn,
        an_audio_turn_and_what_becomes_of_its_item,
        errors_leave_the_session_open,
        an_answer_beside_the_conversation,
        a_secret_carries_its_session,
    ]:
        await check()
        print("ok", check.__name__.replace("_", " "))


asyncio.run(main())
