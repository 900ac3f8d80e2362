/**
 * Ears made for the test: they take the microphone's commands and sound off the wire and say what
 * the test tells them to. Everything else passes to the server. It asserts nothing.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const RATE = 48_000;

export class Ears {
  /** `audio-start` with its data, `audio-stop`, and the number of frames between them. */
  heard = [];
  /** All sound, 16 kHz. @type {number[]} */
  samples = [];
  /** What a real server would refuse with. */
  refusal = null;
  isBlocked = false;
  #sockets = [];

  /** @param {import('playwright-core').Page} page */
  attend(page) {
    return page.routeWebSocket(/\/ws\?/, (socket) => this.#carry(socket));
  }

  /** Says something in the server's name. */
  tell(type, data = {}) {
    this.#sockets.at(-1).socket.send(JSON.stringify({ type, data }));
  }

  async cut() {
    const { socket, server } = this.#sockets.at(-1);
    await Promise.all([server.close(), socket.close({ code: 3001 })]);
  }

  get commands() {
    return this.heard.map(({ type }) => type);
  }

  #carry(socket) {
    if (this.isBlocked) return socket.close({ code: 3001 });
    const server = socket.connectToServer();
    this.#sockets.push({ socket, server });
    socket.onMessage((message) => {
      if (typeof message !== 'string') return this.#hear(message);
      const { type, data } = JSON.parse(message);
      if (!type.startsWith('audio-')) return server.send(message);
      this.heard.push({ type, data, frames: 0 });
      if (type === 'audio-start' && this.refusal) this.tell('error', this.refusal);
    });
  }

  #hear(frame) {
    const last = this.heard.at(-1);
    if (last) last.frames += 1;
    for (let at = 0; at < frame.length; at += 2) this.samples.push(frame.readInt16LE(at));
  }
}

/** A sentence with a second of silence before it and three after, as a microphone's file. */
export function spokenFile(text, voice = 'en') {
  const folder = mkdtempSync(join(tmpdir(), 'parla-microphone-'));
  const spoken = join(folder, 'spoken.wav');
  execFileSync('espeak-ng', ['-v', voice, '-w', spoken, text]);
  const file = join(folder, 'microphone.wav');
  writeFileSync(file, microphoneWav(readFileSync(spoken)));
  return file;
}

/** eSpeak NG writes 22,050 Hz behind a head of 44 bytes. */
function microphoneWav(spoken) {
  const ratio = spoken.readUInt32LE(24) / RATE;
  const count = Math.floor((spoken.length - 46) / 2 / ratio);
  const sound = Buffer.alloc(2 * (4 * RATE + count));
  for (let place = 0; place < count; place += 1) {
    const sample = spoken.readInt16LE(44 + 2 * Math.floor(place * ratio));
    sound.writeInt16LE(sample, 2 * (RATE + place));
  }
  return Buffer.concat([wavHead(sound.length), sound]);
}

function wavHead(bytes) {
  const head = Buffer.alloc(44);
  head.write('RIFF');
  head.writeUInt32LE(36 + bytes, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(2 * RATE, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(bytes, 40);
  return head;
}
