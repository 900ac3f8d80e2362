/** Deepgram's own client for JavaScript against a running parla. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DeepgramClient } from '@deepgram/sdk';

const PATIENCE_MS = 40_000;
const base = process.env.PARLA_URL.replace(/\/$/, '');
const address = base.replace('http', 'ws');
const sound = Buffer.concat([readFileSync('../recordings/speech.wav').subarray(44), Buffer.alloc(64_000)]);

/** @param {Promise<unknown>} promise @param {string} what */
function soon(promise, what) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what} does not come`)), PATIENCE_MS).unref();
  });
  return Promise.race([promise, late]);
}

async function theKit() {
  const environment = { base, production: address, agent: address, agentRest: base };
  const client = new DeepgramClient({ apiKey: 'any', environment });
  const connection = await client.listen.v1.connect({
    model: 'nova-3', language: 'en-US', encoding: 'linear16', sample_rate: 16000,
    interim_results: 'true', endpointing: 300, vad_events: 'true', reconnectAttempts: 0,
  });
  const messages = [];
  const ended = new Promise((resolve, reject) => {
    connection.on('message', (message) => {
      messages.push(message);
      if (message.type === 'Metadata') resolve();
    });
    connection.on('error', reject);
  });
  connection.connect();
  await soon(connection.waitForOpen(), 'the connection');
  for (let start = 0; start < sound.length; start += 3200) connection.sendMedia(sound.subarray(start, start + 3200));
  connection.sendCloseStream({ type: 'CloseStream' });
  await soon(ended, 'the end');
  connection.close();
  const finals = messages.filter(({ type, is_final: isFinal }) => type === 'Results' && isFinal);
  assert.ok(finals.some(({ channel }) => channel.alternatives[0].transcript), JSON.stringify(messages));
  assert.ok(messages.some(({ type }) => type === 'SpeechStarted'), JSON.stringify(messages));
}

await theKit();
process.exit(0);
