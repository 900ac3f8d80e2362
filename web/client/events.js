/**
 * Carries frames where sockets are blocked: Server-Sent Events down, one POST per command up. It
 * never reconnects.
 */

import { EventStreamReader } from './event-stream.js';
import { closeCodeOf, decodeFrame } from './protocol.js';
import { addResume } from './socket.js';

/** A stream that is silent for so long is taken for dead: asking again costs little. */
const SILENCE_MS = 60_000;

/**
 * @param {import('./socket.js').CarrierOptions} options
 * @returns {import('./socket.js').Carrier}
 */
export function openEvents(options) {
  const { base, conversationId, token, onFrame, onClose } = options;
  const abort = new AbortController();
  const headers = authorization(token);

  let closed = false;
  read(options, headers, abort).then((end) => closed || onClose(end));

  async function post(type, data) {
    const { path, body } = request(type, data, conversationId);
    try {
      const response = await fetch(new URL(path, base), {
        method: 'POST',
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        signal: abort.signal,
      });
      if (response.ok || type === 'played') return;
      onFrame({ type: 'error', data: { ...(await problemOf(response)), clientId: data.clientId } });
    } catch {
      // The network is gone for the stream as well; with the next one the command goes out again.
      abort.abort();
    }
  }

  return {
    name: 'events',
    send(type, data) {
      if (abort.signal.aborted) return false;
      if (type in PATHS) post(type, data);
      return true;
    },
    sendSound: () => false,
    check() {},
    close() {
      closed = true;
      abort.abort();
    },
  };
}

/** Commands that have an HTTP form; the others (ping, typing) are not needed here. */
const PATHS = {
  __proto__: null,
  chat: () => 'api/v1/chat',
  stop: (id) => `api/v1/conversations/${id}/stop`,
  played: (id) => `api/v1/conversations/${id}/played`,
};

function request(type, data, conversationId) {
  const path = PATHS[type](encodeURIComponent(conversationId));
  const body = type === 'chat' ? { ...data, conversationId, useWebSocket: true } : data;
  return { path, body };
}

/** Reads the stream to its end and says how it ended. */
async function read({ base, conversationId, resume, onFrame }, headers, abort) {
  const url = new URL(`api/v1/conversations/${encodeURIComponent(conversationId)}/events`, base);
  addResume(url, resume);
  let opened = false;
  let silence;
  const listen = () => {
    clearTimeout(silence);
    silence = setTimeout(() => abort.abort(), SILENCE_MS);
  };
  try {
    listen();
    const response = await fetch(url, {
      headers: { ...headers, Accept: 'text/event-stream' },
      cache: 'no-store',
      signal: abort.signal,
    });
    if (!response.ok) return { code: closeCodeOf(response.status), opened };
    const events = new EventStreamReader();
    for await (const text of textOf(response.body)) {
      opened = true;
      listen();
      for (const data of events.push(text)) {
        const frame = decodeFrame(data);
        if (frame && !abort.signal.aborted) onFrame(frame);
      }
    }
  } catch {
    // A broken stream ends like one that was closed: the owner resumes.
  } finally {
    clearTimeout(silence);
  }
  return { code: 1006, opened };
}

async function* textOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) yield piece.value;
}

/** @param {string | null} token @returns {Record<string, string>} */
export function authorization(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * What an HTTP refusal says, in the words of an `error` frame.
 *
 * @param {Response} response
 * @returns {Promise<import('./protocol.js').Problem>}
 */
export async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const after = Number(response.headers.get('Retry-After'));
  return {
    code: body.code ?? `http_${response.status}`,
    message: body.detail ?? body.title ?? `The server answered ${response.status}.`,
    hint: body.hint,
    retryable: body.retryable ?? (response.status >= 500 || response.status === 429),
    retryAfterMs: after > 0 ? after * 1000 : undefined,
  };
}
