/** What a learner sees while a model gets ready: on frames made for the test, in the real page. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, openBrowser, openPage } from './stage.js';

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Lets the server say something that it would say with a slow model. */
function tell(page, type, data) {
  return page.evaluate(
    async ([type, data]) => {
      const { app } = await import('/page/main.js');
      app.parla.dispatchEvent(new CustomEvent('frame', { detail: { type, data } }));
    },
    [type, data],
  );
}

test('a model on its way is shown with how far it is, and gone when it is there', async () => {
  const { page, context, faults } = await openPage(browser);
  const text = 'the model <b>llama3.2</b> is being pulled';
  await tell(page, 'progress', { kind: 'model-pull', text, done: 25, total: 100 });
  const line = page.locator('.getting-ready');
  await line.waitFor();
  assert.equal((await line.locator('span').textContent()).trim(), text);
  assert.equal(await line.locator('progress').evaluate((bar) => bar.position), 0.25);
  await tell(page, 'progress', { kind: 'model-pull', text, done: null, total: null });
  const isMoving = () => line.locator('progress').evaluate((bar) => bar.position === -1);
  assert.ok(await eventually(isMoving, (moving) => moving));
  await tell(page, 'progress', { kind: 'model-pull', text, done: 100, total: 100 });
  await line.waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await context.close();
});

test('a notice is shown as text and can be dismissed', async () => {
  const { page, context, faults } = await openPage(browser);
  await tell(page, 'notice', { code: 'model_slow', text: 'big:70b is <i>slow</i>' });
  const alert = page.locator('.alert');
  await alert.waitFor();
  assert.match(await alert.textContent(), /big:70b is <i>slow<\/i>/);
  await alert.getByRole('button').click();
  await alert.waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await context.close();
});

test('the model is told what the learner has chosen before anything is written', async () => {
  const prepared = [];
  const { page, context } = await openPage(browser, {
    prepare: async (page) =>
      page.on('websocket', (socket) =>
        socket.on('framesent', ({ payload }) => {
          const { type, data } = JSON.parse(payload);
          if (type === 'prepare') prepared.push(data.level);
        }),
      ),
  });
  await page.evaluate(async () => (await import('/page/main.js')).app.choose({ level: 'B2' }));
  const newest = await eventually(
    () => prepared.at(-1),
    (level) => level === 'B2',
  );
  assert.equal(newest, 'B2');
  assert.ok(prepared.length >= 2, 'once when it came online, once with the choice');
  await context.close();
});
