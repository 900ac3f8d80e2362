"""Deepgram's own Python client against a running parla: what it parses is what it was promised."""

import os
import wave

from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment

base = os.environ["PARLA_URL"].rstrip("/")
socket = base.replace("http", "ws", 1)
environment = DeepgramClientEnvironment(base=base, production=socket, agent=socket, agent_rest=base)
client = DeepgramClient(api_key="any", environment=environment)

with wave.open("../recordings/speech.wav") as recording:
    sound = recording.readframes(recording.getnframes()) + bytes(2 * 32_000)

wanted = {
    "model": "nova-3",
    "language": "en-US",
    "encoding": "linear16",
    "sample_rate": 16000,
    "interim_results": "true",
    "endpointing": 300,
    "utterance_end_ms": 1000,
    "vad_events": "true",
    "punctuate": "true",
    "smart_format": "true",
}
with client.listen.v1.connect(**wanted) as connection:
    for start in range(0, len(sound), 3_200):
        connection.send_media(sound[start : start + 3_200])
    connection.send_keep_alive()
    connection.send_finalize()
    connection.send_close_stream()
    messages = list(connection)

kinds = [type(message).__name__ for message in messages]
for message in messages:
    # The client forgives what is missing; its own types do not.
    type(message).model_validate(message.model_dump(by_alias=True))
assert set(kinds) >= {"ListenV1SpeechStarted", "ListenV1Results", "ListenV1Metadata"}, kinds
assert kinds[-1] == "ListenV1Metadata", kinds
assert 3.2 < messages[-1].duration < 3.4, messages[-1]
finals = [m for m in messages if m.type == "Results" and m.is_final]
assert any(final.from_finalize for final in finals), finals
spoken = [final.channel.alternatives[0] for final in finals]
spoken = [alternative for alternative in spoken if alternative.transcript]
assert spoken and all(alternative.words for alternative in spoken), finals
assert spoken[0].words[0].end > spoken[0].words[0].start, spoken
