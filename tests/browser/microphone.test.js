/** What a learner who speaks sees and sends: real sound from a file, ears made for the test. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ears, spokenFile } from './ears.js';
import { eventually, hearing, openBrowser, openPage, say, scenes } from './stage.js';

const SPEAKING = 0.4;

let browser;
before(async () => {
  browser = await openBrowser({ microphone: spokenFile('Yesterday I went to the market.') });
});
after(() => browser.close());

/** A page whose microphone is heard by the test. */
async function openHeard(t, options = {}) {
  const ears = new Ears();
  const { prepare = () => {}, by = browser, ...rest } = options;
  const opened = await openPage(by, {
    ...rest,
    prepare: async (page) => {
      await ears.attend(page);
      await prepare(page);
    },
  });
  t.after(() => opened.context.close());
  const button = opened.page.locator('.microphone');
  return { ...opened, ears, button, words: opened.page.locator('.voice-words') };
}

/** What the library knows of its microphone. */
function microphoneOf(page) {
  return page.evaluate(async () => {
    const { app } = await import('/page/main.js');
    const { state, level, isOpen } = app.voice.microphone;
    return { state, level, isOpen };
  });
}

const untilState = (page, expected) =>
  eventually(
    () => microphoneOf(page),
    ({ state }) => state === expected,
  );

const untilHeard = (ears, accept) =>
  eventually(
    () => ears.heard,
    (heard) => heard.length > 0 && accept(heard.at(-1)),
  );

test('hands-free speech goes out as 16 kHz frames, its level moves, and the device is let go', async (t) => {
  const { page, ears, button, faults } = await openHeard(t);
  const tracks = await watchTracks(page);
  await button.click();
  await untilHeard(ears, ({ frames }) => frames > 20);
  const [{ type, data }] = ears.heard;
  assert.equal(type, 'audio-start');
  assert.deepEqual(
    { ...data, language: typeof data.language, level: typeof data.level },
    {
      sampleRate: 16_000,
      encoding: 'pcm16',
      mode: 'hands-free',
      language: 'string',
      level: 'string',
    },
  );
  assert.equal(await button.getAttribute('aria-pressed'), 'true');
  const loud = await eventually(
    () => microphoneOf(page),
    ({ level }) => level > SPEAKING,
  );
  assert.ok(loud.level > SPEAKING, `the highest level is ${loud.level}`);
  const quiet = await eventually(
    () => microphoneOf(page),
    ({ level }) => level < SPEAKING / 2,
  );
  assert.ok(quiet.level < SPEAKING / 2, `the lowest level is ${quiet.level}`);

  const before = ears.samples.length;
  await page.waitForTimeout(2000);
  const perSecond = (ears.samples.length - before) / 2;
  assert.ok(Math.abs(perSecond - 16_000) < 1600, `${perSecond} samples a second`);
  assert.ok(Math.max(...ears.samples.slice(-80_000)) > 3000, 'the voice itself has arrived');

  await button.click();
  await untilHeard(ears, ({ type }) => type === 'audio-stop');
  assert.deepEqual(await tracks(), ['ended']);
  const { frames } = ears.heard.at(-1);
  assert.equal(frames, 0, 'nothing follows the stop');
  await page.locator('.microphone[aria-pressed=false]').waitFor();
  assert.deepEqual(faults, []);
});

test('what is said is shown as it is heard, grey while it may change, until it is a message', async (t) => {
  const { page, ears, button, words, faults } = await openHeard(t);
  await button.click();
  await untilHeard(ears, ({ frames }) => frames > 0);
  const said = page.locator('.said');
  assert.equal(await said.count(), 0);
  ears.tell('speech-started');
  ears.tell('listening', { state: 'hearing' });
  ears.tell('transcript', { text: 'I <b>want</b>', isFinal: false, confidence: null, words: [] });
  await said.locator('.partial', { hasText: 'I <b>want</b>' }).waitFor();
  assert.equal(await words.textContent(), 'Listening…');
  const grey = await colourOf(said.locator('.partial'));
  ears.tell('transcript', { text: 'I went there.', isFinal: true, confidence: 1, words: [] });
  ears.tell('transcript', { text: 'And', isFinal: false, confidence: null, words: [] });
  ears.tell('listening', { state: 'waiting' });
  await said.locator('span', { hasText: 'I went there.' }).waitFor();
  await words.filter({ hasText: 'Take your time…' }).waitFor();
  assert.equal(await said.locator('.partial').textContent(), 'And');
  assert.notEqual(await colourOf(said.locator('span').first()), grey);
  assert.equal(await words.getAttribute('role'), 'status');
  ears.tell('message', {
    id: 'm',
    role: 'user',
    text: 'I went there.',
    clientId: null,
    turnId: 't',
  });
  await page.locator('.bubble', { hasText: 'I went there.' }).waitFor();
  await said.waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
});

test('the microphone is held by the space bar and by the button, and the choice is remembered', async (t) => {
  const { page, ears, button, faults } = await openHeard(t);
  await page.getByRole('button', { name: 'Hold to talk' }).and(page.locator('.link')).click();
  await page.locator('h1').click();
  for (const [hold, release] of [
    [() => page.keyboard.down('Space'), () => page.keyboard.up('Space')],
    [() => button.hover().then(() => page.mouse.down()), () => page.mouse.up()],
    [() => button.focus().then(() => page.keyboard.down('Enter')), () => page.keyboard.up('Enter')],
  ]) {
    const before = ears.heard.length;
    await hold();
    await untilHeard(ears, ({ type, frames }) => type === 'audio-start' && frames > 3);
    assert.equal(ears.heard.at(-1).data.mode, 'push-to-talk');
    await release();
    await untilHeard(ears, ({ type }) => type === 'audio-stop');
    assert.deepEqual(ears.commands.slice(before), ['audio-start', 'audio-stop']);
    assert.equal((await microphoneOf(page)).isOpen, false);
  }
  await page.locator('#message').focus();
  await page.keyboard.press('Space');
  assert.equal(await page.locator('#message').inputValue(), ' ');
  assert.equal(ears.heard.length, 6);
  await page.reload();
  await page.getByRole('button', { name: 'Talk hands-free' }).waitFor();
  assert.deepEqual(faults, []);
});

test('a finger holds the button, and a screen reader switches it', async (t) => {
  const { page, ears, button } = await openHeard(t, { context: { hasTouch: true } });
  await page.locator('.voice .link').tap();
  const box = await button.boundingBox();
  const client = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) =>
    client.send('Input.dispatchTouchEvent', { type, touchPoints });
  await touch('touchStart', [{ x: box.x + box.width / 2, y: box.y + box.height / 2 }]);
  await untilHeard(ears, ({ frames }) => frames > 30);
  await touch('touchEnd', []);
  await untilHeard(ears, ({ type }) => type === 'audio-stop');
  await button.evaluate((one) => one.click());
  await untilHeard(ears, ({ type, frames }) => type === 'audio-start' && frames > 0);
  await button.evaluate((one) => one.click());
  await untilHeard(ears, ({ type }) => type === 'audio-stop');
  assert.deepEqual(ears.commands, ['audio-start', 'audio-stop', 'audio-start', 'audio-stop']);
});

test('after a lost connection the microphone is announced again and the sound goes on', async (t) => {
  const { page, ears, button, faults } = await openHeard(t);
  await button.click();
  await untilHeard(ears, ({ frames }) => frames > 5);
  ears.isBlocked = true;
  await ears.cut();
  await page.locator('.link-state[data-look=busy]').waitFor();
  const before = ears.samples.length;
  await page.waitForTimeout(300);
  assert.equal(ears.samples.length, before);
  assert.equal((await microphoneOf(page)).state, 'on');
  ears.isBlocked = false;
  await eventually(
    () => ears.commands,
    (commands) => commands.length === 2,
  );
  await untilHeard(ears, ({ frames }) => frames > 5);
  assert.deepEqual(ears.commands, ['audio-start', 'audio-start']);
  assert.deepEqual(faults, []);
});

test('a device that is unplugged is missed in words', async (t) => {
  const { page, ears, button } = await openHeard(t, { prepare: keepTracks });
  await button.click();
  await untilHeard(ears, ({ frames }) => frames > 0);
  await page.evaluate(() => globalThis.tracks[0].dispatchEvent(new Event('ended')));
  await page.locator('.alert', { hasText: 'No microphone is there.' }).waitFor();
  assert.equal((await microphoneOf(page)).state, 'missing');
  assert.equal(ears.commands.at(-1), 'audio-stop');
  assert.equal(await button.getAttribute('aria-pressed'), 'false');
});

test('a microphone that is denied, missing or forbidden is explained, and writing goes on', async (t) => {
  const deaf = await openBrowser();
  t.after(() => deaf.close());
  const denied = () =>
    (navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('no', 'NotAllowedError')));
  const insecure = () => {
    Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
    Object.defineProperty(globalThis, 'isSecureContext', { value: false });
  };
  for (const [state, by, script] of [
    ['denied', browser, denied],
    ['missing', deaf, () => {}],
    ['insecure', deaf, insecure],
  ]) {
    const { page, ears, button, faults } = await openHeard(t, {
      by,
      context: { permissions: ['microphone'] },
      prepare: (page) => page.addInitScript(script),
    });
    await button.click();
    assert.equal((await untilState(page, state)).state, state);
    await page.locator('.alert').waitFor();
    assert.deepEqual(ears.heard, []);
    await say(page, scenes.market.learner);
    await page.locator('.bubble').waitFor();
    assert.deepEqual(faults, []);
  }
});

test('a server without ears says what to do, and the button is out of use for that reason', async (t) => {
  const { page, ears, button, words, faults } = await openHeard(t);
  const message = 'parla has no ears yet: `parla doctor` says how to give it some';
  ears.refusal = { code: 'no_ears', message, retryable: false };
  await button.click();
  await page.locator('.alert', { hasText: message }).waitFor();
  assert.equal(await button.isDisabled(), true);
  assert.match(await words.textContent(), /parla doctor.*You can write\./);
  assert.equal((await microphoneOf(page)).isOpen, false);
  assert.deepEqual(faults, []);
});

test('suspected speech silences the tutor within 50 ms, and a false alarm lets it go on there', async (t) => {
  const { page, ears, button } = await openHeard(t);
  await button.click();
  await untilHeard(ears, ({ frames }) => frames > 0);
  await say(page, scenes.story.learner);
  await eventually(
    () => hearing(page),
    ({ level }) => level > 0.05,
  );
  const { turnId, chunkIndex } = await positionOf(page);
  const silence = await watchSilence(page);
  ears.tell('playback-paused', { turnId });
  const ms = await silence();
  t.diagnostic(`silent ${ms} ms after playback-paused`);
  assert.ok(ms <= 50, `silent after ${ms} ms`);
  await page.waitForTimeout(300);
  assert.equal((await hearing(page)).level, 0);
  ears.tell('playback-resumed', { turnId, chunkIndex, ms: 200 });
  await eventually(
    () => hearing(page),
    ({ level }) => level > 0.05,
  );
  assert.equal((await positionOf(page)).chunkIndex, chunkIndex);
  ears.tell('playback-stopped', { turnId, heardChunks: chunkIndex, heardMs: 200 });
  await eventually(
    () => hearing(page),
    ({ isSpeaking }) => !isSpeaking,
  );
  await page.waitForTimeout(300);
  assert.deepEqual(await hearing(page), { level: 0, isSpeaking: false });
});

function positionOf(page) {
  return page.evaluate(async () => (await import('/page/main.js')).app.player.position);
}

/** Measures from the frame's arrival to the last sample that can be heard within 300 ms. */
async function watchSilence(page) {
  const watch = await page.evaluateHandle(async () => {
    const { app } = await import('/page/main.js');
    const { analyser } = app.player;
    const seen = { last: 0, ms: null };
    const samples = new Float32Array(analyser.fftSize);
    app.parla.addEventListener('frame', ({ detail }) => {
      if (detail.type !== 'playback-paused') return;
      const start = performance.now();
      const look = setInterval(() => {
        const passed = Math.round(performance.now() - start);
        analyser.getFloatTimeDomainData(samples);
        if (samples.slice(-128).some((sample) => Math.abs(sample) > 0.001)) seen.last = passed;
        if (passed < 300) return;
        clearInterval(look);
        seen.ms = seen.last;
      }, 1);
    });
    return seen;
  });
  return () =>
    eventually(
      () => watch.evaluate(({ ms }) => ms),
      (ms) => ms !== null,
    );
}

/** Before the page's own code: keeps the tracks that it opens. */
function keepTracks(page) {
  return page.addInitScript(() => {
    globalThis.tracks = [];
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wishes) => {
      const stream = await open(wishes);
      globalThis.tracks.push(...stream.getTracks());
      return stream;
    };
  });
}

/** The states of the tracks that are opened from here on. */
async function watchTracks(page) {
  const tracks = await page.evaluateHandle(() => {
    const all = [];
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wishes) => {
      const stream = await open(wishes);
      all.push(...stream.getTracks());
      return stream;
    };
    return all;
  });
  return () => tracks.evaluate((all) => all.map(({ readyState }) => readyState));
}

function colourOf(element) {
  return element.evaluate((one) => getComputedStyle(one).color);
}
