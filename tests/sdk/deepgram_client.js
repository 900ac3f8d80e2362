/** Deepgram's own client for JavaScript against a running parla, and one that browsers have used without it. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DeepgramClient } from '@deepgram/sdk';
import { WebSocket } from 'ws';

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

/** As a page writes it by hand, with nothing but the address changed. */
class DeepgramWebSocket {
  async connect(apiKey) {
    const url = new URL(`${address}/v1/listen`);
    url.searchParams.set('model', 'nova-3');
    url.searchParams.set('language', 'en-US');
    url.searchParams.set('punctuate', 'true');
    url.searchParams.set('interim_results', 'true');
    url.searchParams.set('endpointing', '500');
    url.searchParams.set('encoding', 'linear16');
    url.searchParams.set('sample_rate', '16000');

    this.ws = new WebSocket(url.toString(), ['token', apiKey]);

    this.ws.onmessage = (event) => {
      const data = JSON.parse(event.data);

      if (data.type === 'Results') {
        const alt = data.channel?.alternatives?.[0];
        if (alt) {
          this.onResult?.({
            text: alt.transcript,
            isFinal: data.is_final,
            confidence: alt.confidence,
            words: alt.words,
          });
        }
      }
    };

    return new Promise((resolve, reject) => {
      this.ws.onopen = () => resolve();
      this.ws.onerror = (e) => reject(e);
    });
  }

  sendAudio(buffer) {
    if (this.ws.readyState === WebSocket.OPEN) {
      this.ws.send(buffer);
    }
  }

  close() {
    this.ws?.close();
  }
}

async function aPage() {
  const ears = new DeepgramWebSocket();
  const heard = new Promise((resolve) => {
    ears.onResult = (result) => {
      if (result.isFinal && result.text) resolve(result);
    };
  });
  await soon(ears.connect('any'), 'the connection');
  const silence = setInterval(() => ears.sendAudio(Buffer.alloc(3200)), 100);
  ears.sendAudio(sound);
  const { confidence, words } = await soon(heard, 'a result');
  clearInterval(silence);
  ears.close();
  assert.ok(typeof confidence === 'number' && words[0].end > words[0].start, JSON.stringify(words));
}

await theKit();
await aPage();
process.exit(0);
