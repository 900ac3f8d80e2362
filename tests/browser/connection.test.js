/** What a learner keeps when the network does not: nothing is lost, nothing is doubled. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  hearing,
  eventually,
  openBrowser,
  openPage,
  say,
  scenes,
  sentences,
  untilPhase,
} from './stage.js';

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const story = scenes.story.chunks.map(({ text }) => text);

test('a socket that breaks in mid-turn resumes: every sentence once, in its order', async () => {
  const sockets = [];
  const { page, context } = await openPage(browser, {
    prepare: (page) =>
      page.routeWebSocket(/\/ws\?/, (socket) =>
        sockets.push({ socket, server: socket.connectToServer() }),
      ),
  });
  const frames = await recordFrames(page);
  await say(page, scenes.story.learner);
  for (const place of [1, 3]) {
    await page.locator('.sentence').nth(place).waitFor();
    const { socket, server } = sockets.at(-1);
    await Promise.all([server.close(), socket.close({ code: 3001 })]);
    await page.locator('.link-state[data-look=busy]').waitFor();
    await page.locator('.link-state[data-look=good]').waitFor();
  }
  await untilPhase(page, 'complete');
  assert.equal(sockets.length, 3);
  assert.deepEqual(
    (await sentences(page)).map(({ text }) => text),
    story,
  );
  assert.equal(await page.locator('.bubble').count(), 1);
  const seqs = await frames();
  assert.deepEqual(
    seqs,
    Array.from(seqs, (_, index) => seqs[0] + index),
    'durable frames have no gap and no double',
  );
  await context.close();
});

test('what is said while the connection is lost arrives afterwards, once', async () => {
  const sockets = [];
  let isBlocked = false;
  const { page, context } = await openPage(browser, {
    prepare: (page) =>
      page.routeWebSocket(/\/ws\?/, (socket) => {
        if (isBlocked) socket.close({ code: 3001 });
        else sockets.push({ socket, server: socket.connectToServer() });
      }),
  });
  isBlocked = true;
  await sockets[0].socket.close({ code: 3001 });
  await page.locator('.link-state[data-look=busy]').waitFor();
  await say(page, scenes.market.learner);
  await page.locator('.learner[data-phase=sending]').waitFor();
  isBlocked = false;
  await untilPhase(page, 'complete');
  assert.deepEqual(await page.locator('.bubble').allTextContents(), [scenes.market.learner]);
  assert.equal(await page.locator('.tutor').count(), 1);
  await context.close();
});

test('without sockets the same turn comes by events, is heard, and can be stopped', async () => {
  const { page, context, faults } = await openPage(browser, {
    prepare: (page) => page.routeWebSocket(/\/ws\?/, (socket) => socket.close({ code: 3001 })),
  });
  assert.equal(await page.locator('.link-state').getAttribute('data-carrier'), 'events');
  await say(page, scenes.market.learner);
  const loud = await eventually(
    () => hearing(page),
    ({ level }) => level > 0.01,
  );
  assert.ok(loud.level > 0.01, `the loudest sample is ${loud.level}`);
  await untilPhase(page, 'complete');
  assert.deepEqual(
    (await sentences(page)).map(({ text }) => text),
    scenes.market.chunks.map(({ text }) => text),
  );
  await say(page, scenes.story.learner);
  await page.locator('.tutor').nth(1).locator('.sentence').nth(1).waitFor();
  await page.getByRole('button', { name: 'Stop the tutor' }).click();
  await untilPhase(page, 'stopped');
  assert.deepEqual(faults, []);
  await context.close();
});

/**
 * Writes down the number of every durable frame that the library passes on; the answer reads them.
 */
async function recordFrames(page) {
  const record = await page.evaluateHandle(async () => {
    const { app } = await import('/page/main.js');
    const seqs = [];
    app.parla.addEventListener('frame', ({ detail }) => detail.seq && seqs.push(detail.seq));
    return seqs;
  });
  return () => record.jsonValue();
}
