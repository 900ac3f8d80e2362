/**
 * The wire: frames, close codes, the event stream's text, and how long to wait before coming back.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs } from '../../web/client/backoff.js';
import { EventStreamReader } from '../../web/client/event-stream.js';
import {
  closeCodeOf,
  closeVerdict,
  decodeFrame,
  encodeFrame,
  newId,
} from '../../web/client/protocol.js';

test('what is no frame is read as none', () => {
  const none = ['', '{', 'null', '[]', '{"data":{}}', '{"type":7}', new ArrayBuffer(2), undefined];
  assert.deepEqual(
    none.map(decodeFrame),
    none.map(() => null),
  );
});

test('a frame of the original client is read with its data', () => {
  const text =
    '{"type":"chunk-failed","data":{"chunkIndex":0,"chunk":{"ttsStatus":"failed","ttsError":"TTS timeout"}}}';
  assert.deepEqual(decodeFrame(text), JSON.parse(text));
  assert.deepEqual(decodeFrame('{"type":"pong"}'), { type: 'pong', data: {} });
});

test('commands are written as type and data', () => {
  assert.equal(encodeFrame('ping'), '{"type":"ping","data":{}}');
  assert.equal(encodeFrame('stop', { turnId: 't' }), '{"type":"stop","data":{"turnId":"t"}}');
});

test('close codes say whether to come back', () => {
  const expected = {
    soon: [1001, 1006, 1011, 1012, 3001, 3008],
    later: [1013],
    'sign-in': [3010, 4001],
    never: [1000, 1002, 1003, 1007, 1008, 1009],
  };
  for (const [verdict, codes] of Object.entries(expected)) {
    assert.deepEqual(
      codes.map(closeVerdict),
      codes.map(() => verdict),
    );
  }
});

test('an HTTP refusal means the same as its close code', () => {
  assert.deepEqual([401, 404, 429, 500, 503].map(closeCodeOf), [4001, 1008, 1013, 1006, 1013]);
});

test('ids are made of what the server takes and do not repeat', () => {
  const ids = Array.from({ length: 100 }, newId);
  assert.ok(ids.every((id) => /^[A-Za-z0-9_-]{24}$/.test(id)));
  assert.equal(new Set(ids).size, 100);
});

test('an event stream gives the same events however it is cut', () => {
  const text =
    ': hello\nid: e:1\ndata: {"a":1}\n\nevent: x\r\ndata:one\r\ndata: two: three\r\n\r\n\ndata: café 👋\n\nid: 9\n\n';
  const whole = ['{"a":1}', 'one\ntwo: three', 'café 👋'];
  for (let size = 1; size <= text.length; size += 1) {
    const reader = new EventStreamReader();
    const events = [];
    for (let at = 0; at < text.length; at += size)
      events.push(...reader.push(text.slice(at, at + size)));
    assert.deepEqual(events, whole, `cut every ${size}`);
  }
});

test('waiting is spread over all of a growing span and never leaves a quarter to ten seconds', () => {
  const spans = [1, 2, 3, 6, 60].map((failures) => [
    backoffMs(failures, () => 0),
    backoffMs(failures, () => 1),
  ]);
  assert.deepEqual(spans, [
    [250, 500],
    [250, 1000],
    [250, 2000],
    [250, 10_000],
    [250, 10_000],
  ]);
});
