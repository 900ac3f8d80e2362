"""Functions of an app's over OpenAI's own Python client: they are called, and what came of them is answered."""

import asyncio
import json

from openai_session import client, kinds, said, until

PARAMETERS = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]}
LOOK = {"type": "function", "name": "look", "description": "Looks.", "parameters": PARAMETERS}


async def answered(connection):
    await connection.response.create()
    return await until(connection, "response.done")


async def words_and_a_call_and_what_came_of_it():
    async with client.realtime.connect(model="gpt-realtime") as connection:
        session = {"type": "realtime", "tools": [LOOK], "tool_choice": "auto"}
        await connection.session.update(session=session)
        assert (await until(connection, "session.updated"))[-1].session.tools[0].name == "look"
        await connection.conversation.item.create(item=said("What is it like at sea?"))
        events = await answered(connection)
        assert kinds(events)[-10:] == [
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.output_item.added",
            "conversation.item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ], kinds(events)
        done = next(event for event in events if event.type.endswith("arguments.done"))
        delta = next(event for event in events if event.type.endswith("arguments.delta"))
        words, call = events[-1].response.output
        assert words.content[0].transcript == "Let me see."
        assert (call.type, call.name, call.status) == ("function_call", "look", "completed")
        assert done.output_index == delta.output_index == 1 and done.item_id == call.id
        assert done.call_id == call.call_id and done.name == "look"
        assert json.loads(call.arguments) == json.loads(done.arguments) == {"at": "sea"}
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "waves of two metres"}
        await connection.conversation.item.create(item=output)
        events = await answered(connection)
        answer = events[-1].response.output[0]
        assert answer.content[0].transcript == "There are waves.", answer
        await connection.conversation.item.retrieve(item_id=call.id)
        assert (await until(connection, "conversation.item.retrieved"))[-1].item == call


async def a_call_beside_the_conversation():
    async with client.realtime.connect(model="gpt-realtime") as connection:
        response = {"conversation": "none", "tools": [LOOK], "input": [said("What is it like at sea?")]}
        await connection.response.create(response=response)
        events = await until(connection, "response.done")
        assert "conversation.item.added" not in kinds(events)
        words, call = events[-1].response.output
        assert words.content[0].text == "Let me see." and call.name == "look"


async def an_answer_with_a_bound():
    async with client.realtime.connect(model="gpt-realtime") as connection:
        session = {"type": "realtime", "output_modalities": ["text"], "max_output_tokens": 8}
        await connection.session.update(session=session)
        await connection.conversation.item.create(item=said("Tell me of the sea."))
        response = (await answered(connection))[-1].response
        assert response.status == "incomplete", response
        assert response.status_details.reason == "max_output_tokens"


async def main():
    for check in [
        words_and_a_call_and_what_came_of_it,
        a_call_beside_the_conversation,
        an_answer_with_a_bound,
    ]:
        await check()
        print("ok", check.__name__.replace("_", " "))


asyncio.run(main())
