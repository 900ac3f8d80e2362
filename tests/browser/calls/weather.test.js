/** A call through a bad network, and callers that are gone from one moment to the next. */
/* global Line, speak */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER } from '../stage.js';
import { openBooth } from './booth.js';

const VANISHING = 20;

test('a learner is understood and hears through loss and jitter, and many vanish', async () => {
  const booth = await openBooth();
  const told = await booth.page.evaluate(
    async ([url, count]) => {
      const line = new Line(url, {});
      const connected = await line.connect('/v1/realtime/calls');
      await line.event('session.created');
      await speak();
      await line.event('input_audio_buffer.committed');
      await line.event('output_audio_buffer.started');
      await line.event('response.done');
      await new Promise((resolve) => setTimeout(resolve, 5000));
      const heard = await line.heard();
      const turns = line.events.filter(({ type }) => type === 'input_audio_buffer.committed').length;
      const hangUp = await fetch(`${line.place}/hangup`, { method: 'POST' });
      const lines = Array.from({ length: count }, () => new Line(url, {}));
      for (const one of lines) {
        one.isMute = true;
        await one.connect('/v1/realtime/calls');
      }
      return { connected, heard, turns, hangUp: hangUp.status };
    },
    [SERVER, VANISHING],
  );
  const { packetsReceived, packetsLost, totalAudioEnergy, concealedSamples } = told.heard;
  console.log(`# ${packetsReceived} packets, ${packetsLost} lost, ${concealedSamples} samples concealed`);
  assert.equal(told.connected.status, 201);
  assert.equal(told.turns, 1, 'a hole in the sound ends no turn');
  assert.equal(told.hangUp, 200);
  assert.ok(packetsReceived > 150 && totalAudioEnergy > 0.01, `${packetsReceived} packets`);
  assert.ok(packetsLost > 0, 'the network is bad');
  await booth.crash();
});
