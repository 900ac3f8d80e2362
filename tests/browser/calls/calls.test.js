/** Calls from Chromium: to be understood, to hear, to interrupt, to change the network, with three kinds of clients. */
/* global Line, speak, until */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SERVER } from '../stage.js';
import { openBooth } from './booth.js';

let booth;
before(async () => {
  booth = await openBooth();
});
after(() => booth.close());

test('a learner is understood, hears, interrupts and comes back from another network', async () => {
  const told = await booth.page.evaluate(async (url) => {
    const line = new Line(url, { Authorization: 'Bearer any' });
    const connected = await line.connect('/v1/realtime/calls?model=gpt-realtime');
    const created = await line.event('session.created');
    line.send({
      type: 'session.update',
      session: { type: 'realtime', audio: { input: { transcription: { model: 'any' } } } },
    });
    await line.event('session.updated');

    await speak();
    const ended = performance.now();
    const words = await line.event('conversation.item.input_audio_transcription.completed');
    const started = await line.event('output_audio_buffer.started');
    const before = await line.heard();
    const heardAt = await until(async () => {
      const { totalAudioEnergy } = await line.heard();
      return totalAudioEnergy > before.totalAudioEnergy + 1e-4 && performance.now();
    }, 'sound');

    // Over the guard time at the beginning of the tutor's sound.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const place = line.events.length;
    const spokeAt = performance.now();
    const silence = line.silence();
    await speak();
    const cleared = await line.event('output_audio_buffer.cleared', place);
    const silentAt = await silence;
    const done = line.events.find(({ type }) => type === 'response.done');

    const restarted = await line.restart();
    await until(() => line.events.filter(({ type }) => type === 'response.done').length > 1, 'an end');
    line.send({ type: 'output_audio_buffer.clear' });
    await line.silence();
    const [quiet, last] = [await line.heard(), line.events.length];
    line.say('Goodbye.');
    await line.event('response.done', last);
    await line.event('output_audio_buffer.stopped', last);
    const loud = await line.heard();
    const hangUp = await fetch(`${line.place}/hangup`, { method: 'POST', headers: line.headers });
    await until(() => line.channel.readyState === 'closed', 'the end of the call');
    const types = line.events.map(({ type }) => type);
    return {
      connected, created, words, started, restarted, types, hangUp: hangUp.status,
      done: done.response, spoken: loud.totalAudioEnergy - quiet.totalAudioEnergy,
      ms: {
        understood: words.at - ended, started: started.at - ended, heard: heardAt - ended,
        cleared: cleared.at - spokeAt, silent: silentAt - spokeAt,
        connected: connected.connectedMs, restarted: restarted.ms,
      },
    };
  }, SERVER);
  console.log(`# milliseconds: ${JSON.stringify(told.ms)}`);
  assert.equal(told.connected.status, 201);
  assert.equal(told.created.session.type, 'realtime');
  assert.match(told.words.transcript, /station/i);
  assert.equal(told.done.status_details?.reason ?? 'completed', told.done.status === 'cancelled' ? 'turn_detected' : 'completed');
  assert.ok(told.ms.silent < told.ms.cleared + 500, 'sound goes on after the interruption');
  assert.equal(told.restarted.status, 200);
  assert.ok(told.spoken > 1e-3, 'sound flows after the restart');
  assert.equal(told.hangUp, 200);
  assert.ok(!told.types.includes('response.output_audio.delta'), 'sound is no event');
  assert.ok(!told.types.includes('error'), JSON.stringify(told.types));
});

test('the agents kit holds a conversation over WebRTC', async () => {
  const told = await booth.page.evaluate(async (url) => {
    const secrets = await fetch(new URL('/v1/realtime/client_secrets', url), {
      method: 'POST', body: '{}',
      headers: { Authorization: 'Bearer any', 'Content-Type': 'application/json' },
    });
    const { value } = await secrets.json();
    const { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } = await import('/kit/openai-realtime-agents.mjs');
    const loudspeaker = new Audio();
    const transport = new OpenAIRealtimeWebRTC({
      baseUrl: new URL('/v1/realtime/calls', url).href, audioElement: loudspeaker,
    });
    const agent = new RealtimeAgent({ name: 'Tutor', instructions: 'Be brief.' });
    const session = new RealtimeSession(agent, { transport });
    const events = [];
    session.on('transport_event', (event) => events.push(event));
    const began = performance.now();
    await session.connect({ apiKey: value });
    const connectedMs = performance.now() - began;
    session.sendMessage('Goodbye.');
    await until(() => events.some(({ type }) => type === 'output_audio_buffer.stopped'), 'the end');
    const history = session.history.map(({ role, status }) => `${role} ${status}`);
    await speak();
    const heard = await until(
      () => events.find(({ type }) => type === 'conversation.item.input_audio_transcription.completed'),
      'what was said',
    );
    session.close();
    return { value, connectedMs, history, heard, errors: events.filter(({ type }) => type === 'error') };
  }, SERVER);
  assert.match(told.value, /^ek_/);
  assert.ok(told.connectedMs < 4500, 'the session was updated before the kit gave up waiting');
  assert.deepEqual(told.history, ['user completed', 'assistant completed']);
  assert.match(told.heard.transcript, /station/i);
  assert.deepEqual(told.errors, []);
});

test('published clients need nothing but another address', async () => {
  const told = await booth.page.evaluate(async () => {
    const { OpenAIRealtimeConnection, DeepgramWebSocket } = await import('/published.js');
    const client = new OpenAIRealtimeConnection();
    const seen = { started: 0, deltas: '' };
    client.onSessionCreated = (session) => (seen.session = session);
    client.onSpeechStarted = () => (seen.started += 1);
    client.onTranscript = (words) => (seen.words = words);
    client.onResponseDelta = (delta) => (seen.deltas += delta);
    client.onResponseComplete = (response) => (seen.response = response);
    await client.connect('any');
    await until(() => seen.session, 'the session');
    await speak();
    await until(() => seen.response, 'the answer');
    await until(() => client.audioElement.currentTime > 0, 'the sound');
    client.disconnect();

    const ears = new DeepgramWebSocket();
    ears.onResult = (result) => {
      if (result.isFinal && result.text) seen.result = result;
    };
    await ears.connect('any');
    const recording = await (await fetch('/speech.wav')).arrayBuffer();
    ears.sendAudio(recording.slice(44));
    await until(() => {
      ears.sendAudio(new ArrayBuffer(320));
      return seen.result;
    }, 'a result');
    ears.close();
    return seen;
  });
  assert.ok(told.started >= 1);
  assert.match(told.words, /station/i);
  assert.ok(told.deltas.length > 10);
  assert.deepEqual(told.session.modalities?.toSorted(), ['audio', 'text']);
  assert.match(told.result.text, /station/i);
  assert.ok(typeof told.result.confidence === 'number');
  assert.ok(told.result.words[0].end > told.result.words[0].start);
});

test('an offer that cannot be answered is refused with its reason', async () => {
  const told = await booth.page.evaluate(async (url) => {
    const ask = async (body, headers) => {
      const place = new URL('/v1/realtime/calls', url);
      const response = await fetch(place, { method: 'POST', headers, body });
      return [response.status, (await response.json()).error];
    };
    const line = new Line(url, {});
    line.peer = new RTCPeerConnection();
    line.peer.createDataChannel('oai-events');
    await line.peer.setLocalDescription();
    const sdp = { 'Content-Type': 'application/sdp' };
    return [
      await ask('hello', sdp),
      await ask(line.peer.localDescription.sdp, sdp),
      await ask('v=0\r\n'.repeat(20_000), sdp),
      await ask('{}', { 'Content-Type': 'application/json' }),
    ];
  }, SERVER);
  const codes = told.map(([status, { code, type }]) => `${status} ${code} ${type}`);
  assert.deepEqual(codes, [
    '400 invalid_offer invalid_request_error',
    '400 invalid_offer invalid_request_error',
    '413 body_too_large invalid_request_error',
    '415 unsupported_media_type invalid_request_error',
  ]);
  assert.match(told[1][1].message, /audio/);
});

test('events are bounded as on a socket, and sound goes on without them', async () => {
  const told = await booth.page.evaluate(async (url) => {
    const line = new Line(url, {});
    await line.connect('/v1/realtime/calls');
    await line.event('session.created');
    line.send({ type: 'no.such.event', event_id: 'mine', filler: 'x'.repeat(200_000) });
    const unknown = await line.event('error');
    const place = line.events.length;
    line.channel.send(new Uint8Array([1, 2, 3]));
    const garbled = await line.event('error', place);
    line.say('Goodbye.');
    await line.event('output_audio_buffer.started');
    line.channel.close();
    const before = await line.heard();
    await until(async () => {
      const { totalAudioEnergy } = await line.heard();
      return totalAudioEnergy > before.totalAudioEnergy + 1e-3;
    }, 'sound without events');
    line.peer.close();

    const flood = new Line(url, {});
    await flood.connect('/v1/realtime/calls');
    await flood.event('session.created');
    for (let n = 0; n < 400; n += 1) flood.send({ type: 'no.such.event' });
    await until(() => flood.channel.readyState === 'closed', 'the end of a flood');
    return { unknown: unknown.error, garbled: garbled.error };
  }, SERVER);
  assert.equal(told.unknown.code, 'unknown_event_type');
  assert.equal(told.unknown.event_id, 'mine');
  assert.equal(told.garbled.code, 'invalid_json');
});
