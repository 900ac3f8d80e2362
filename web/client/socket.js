/**
 * Carries frames over one WebSocket until it closes. It never reconnects: that is its owner's
 * decision.
 */

import { decodeFrame, encodeFrame } from './protocol.js';

const OPEN_WITHIN_MS = 10_000;
const PING_EVERY_MS = 20_000;
const PONG_WITHIN_MS = 8_000;
/** About a second of speech: when so much has not left yet, more of it would come too late. */
const UNSENT_SOUND = 32_000;

/**
 * @typedef {object} Carrier
 * @property {'socket' | 'events'} name
 * @property {(type: string, data: object) => boolean} send `false` when it cannot be sent now.
 * @property {(sound: ArrayBuffer) => boolean} sendSound `false` when it is dropped.
 * @property {() => void} check Finds out soon whether the other side is still there.
 * @property {() => void} close
 *
 * @typedef {object} CarrierOptions
 * @property {URL} base Where the server is.
 * @property {string} conversationId
 * @property {string | null} token
 * @property {{epoch: string, seq: number} | null} resume The last durable frame that is known.
 * @property {(frame: import('./protocol.js').Frame) => void} onFrame
 * @property {(end: {code: number, opened: boolean}) => void} onClose Called once, unless closed
 *   from here.
 */

/** @param {CarrierOptions} options @returns {Carrier} */
export function openSocket({ base, conversationId, resume, onFrame, onClose }) {
  const socket = new WebSocket(socketUrl(base, conversationId, resume));
  let opened = false;
  let ended = false;
  let deadline = setTimeout(() => end(1006), OPEN_WITHIN_MS);
  const pings = setInterval(check, PING_EVERY_MS);

  function end(code) {
    if (!leave(1000)) return;
    onClose({ code, opened });
  }

  /** Lets go of everything; `false` when that has been done before. */
  function leave(code) {
    if (ended) return false;
    ended = true;
    clearTimeout(deadline);
    clearInterval(pings);
    socket.close(code);
    return true;
  }

  function check() {
    if (socket.readyState !== WebSocket.OPEN) return;
    socket.send(encodeFrame('ping'));
    clearTimeout(deadline);
    deadline = setTimeout(() => end(1006), PONG_WITHIN_MS);
  }

  socket.onmessage = ({ data }) => {
    if (ended) return;
    const frame = decodeFrame(data);
    opened = true;
    clearTimeout(deadline);
    if (frame) onFrame(frame);
  };
  socket.onclose = ({ code }) => end(code);

  return {
    name: 'socket',
    send(type, data) {
      if (ended || socket.readyState !== WebSocket.OPEN) return false;
      socket.send(encodeFrame(type, data));
      return true;
    },
    sendSound(sound) {
      const mustWait = ended || socket.readyState !== WebSocket.OPEN;
      if (mustWait || socket.bufferedAmount > UNSENT_SOUND) return false;
      socket.send(sound);
      return true;
    },
    check,
    close: () => void leave(1000),
  };
}

function socketUrl(base, conversationId, resume) {
  const url = new URL('ws', base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('conversationId', conversationId);
  addResume(url, resume);
  return url;
}

/** @param {URL} url @param {CarrierOptions['resume']} resume */
export function addResume(url, resume) {
  if (!resume) return;
  url.searchParams.set('after', String(resume.seq));
  url.searchParams.set('epoch', resume.epoch);
}
