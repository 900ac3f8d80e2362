"""A call by aiortc, a WebRTC implementation of its own, against a running parla: the learner's voice is eSpeak NG's."""

import asyncio
import io
import json
import os
import subprocess
import urllib.request
import wave
from array import array
from contextlib import suppress
from fractions import Fraction

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

PATIENCE = 20
BASE = os.environ["PARLA_URL"].rstrip("/")
ANSWER = "I am fine, thank you."
# Of 32,767: far above what a codec makes of silence.
AUDIBLE = 1000


def post(path, body=b"", kind="application/sdp"):
    """Status, the place that is named, and the text."""
    headers = {"Content-Type": kind, "Authorization": "Bearer any"}
    request = urllib.request.Request(BASE + path, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.status, answer.headers["Location"], answer.read().decode()


class Microphone(MediaStreamTrack):
    """Silence, in real time, but for what is said into it."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        said = subprocess.run(["espeak-ng", "-v", "en-us", "--stdout", ANSWER], check=True, capture_output=True)
        with wave.open(io.BytesIO(said.stdout)) as recording:
            self.rate = recording.getframerate()
            self.speech = recording.readframes(1 << 24)
        self.waiting, self.sent, self.began = b"", 0, None

    def speak(self):
        self.waiting += self.speech

    async def recv(self):
        now = asyncio.get_running_loop().time()
        self.began = self.began or now
        await asyncio.sleep(self.began + self.sent / self.rate - now)
        frame = AudioFrame(format="s16", layout="mono", samples=self.rate // 50)
        size = frame.samples * 2
        sound, self.waiting = self.waiting[:size], self.waiting[size:]
        frame.planes[0].update(sound.ljust(size, b"\0"))
        frame.sample_rate, frame.time_base = self.rate, Fraction(1, self.rate)
        frame.pts = self.sent
        self.sent += frame.samples
        return frame


class Call:
    """What has come of it so far; whoever waits is woken by whatever comes."""

    def __init__(self):
        # Without the servers that are asked by default: the callers are on one machine.
        self.peer, self.microphone = RTCPeerConnection(RTCConfiguration([])), Microphone()
        self.peer.addTrack(self.microphone)
        self.channel = self.peer.createDataChannel("oai-events")
        self.events, self.loud_frames, self.news = [], 0, asyncio.Event()
        self.channel.on("message", self.hear_event)
        self.peer.on("connectionstatechange", self.news.set)
        self.peer.on("track", self.listen)

    def hear_event(self, text):
        self.events.append(json.loads(text))
        self.news.set()

    async def listen(self, track):
        with suppress(MediaStreamError):
            while True:
                samples = array("h", bytes((await track.recv()).planes[0]))
                self.loud_frames += max(map(abs, samples)) > AUDIBLE
                self.news.set()

    def send(self, kind, **fields):
        self.channel.send(json.dumps({"type": kind, **fields}))

    async def until(self, is_so):
        async with asyncio.timeout(PATIENCE):
            while not (found := is_so()):
                self.news.clear()
                await self.news.wait()
            return found

    async def event(self, kind, after=0):
        return await self.until(lambda: next((e for e in self.events[after:] if e["type"] == kind), None))

    async def state(self, wanted):
        await self.until(lambda: self.peer.connectionState == wanted)


async def main():
    call = Call()
    await call.peer.setLocalDescription(await call.peer.createOffer())
    offer = call.peer.localDescription.sdp.encode()
    status, place, answer = await asyncio.to_thread(post, "/v1/realtime/calls?conversation_id=cafe", offer)
    assert status == 201 and place.startswith("/v1/realtime/calls/rtc_"), (status, place)
    await call.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await call.state("connected")
    await call.event("session.created")
    print("ok it is connected")

    transcription = {"model": "any", "language": "en"}
    call.send("session.update", session={"type": "realtime", "audio": {"input": {"transcription": transcription}}})
    await call.event("session.updated")
    # The tutor asks first: that says which answers are to be expected.
    wish = {"message": "", "scenario": "cafe", "language": "en", "level": "A1", "conversationId": "cafe"}
    await asyncio.to_thread(post, "/api/v1/chat", json.dumps(wish).encode(), "application/json")
    await call.until(lambda: call.loud_frames > 20)
    call.send("output_audio_buffer.clear")
    await call.event("output_audio_buffer.cleared")
    print("ok the tutor is heard, and hushed")

    before, asked = call.loud_frames, len(call.events)
    call.microphone.speak()
    heard = await call.event("conversation.item.input_audio_transcription.completed")
    # On a busy machine the microphone stutters, and a short word may be lost.
    assert "fine" in heard["transcript"], heard
    done = await call.event("response.done", asked)
    assert done["response"]["status"] == "completed", done
    await call.until(lambda: call.loud_frames > before + 20)
    assert not [event for event in call.events if event["type"] == "error"], call.events
    print("ok the learner is understood and answered")

    assert (await asyncio.to_thread(post, f"{place}/hangup"))[0] == 200
    await call.state("closed")
    print("ok the call ends")


asyncio.run(main())
