/**
 * A page of another origin than the server's, in Chromium, with a recording for its microphone. It asserts nothing.
 */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { openBrowser, SERVER } from '../stage.js';

const file = (path) => readFileSync(new URL(path, import.meta.url));
const KIT = '../../sdk/node_modules/@openai/agents-realtime/dist/bundle/';
const FILES = {
  '/': ['text/html', () => '<!doctype html><title>a booth</title>'],
  '/line.js': ['text/javascript', () => file('./line.js')],
  '/published.js': ['text/javascript', published],
  '/speech.wav': ['audio/wav', () => file('../../recordings/speech.wav')],
};

/** The classes as a browser reads them, nothing but their addresses changed. */
function published() {
  const [, here] = SERVER.match(/^http(.*)\/$/);
  return `${file('./published_clients.ts')}`
    .replaceAll('https://api.openai.com', `http${here}`)
    .replaceAll('wss://api.deepgram.com', `ws${here}`)
    .replace(/^ {2}private \w+: .*\n/gm, '')
    .replaceAll('  private ', '  ')
    .replace(/(\(\w+): \w+(?=\))/g, '$1')
    .replaceAll('Promise<void>', 'Promise')
    .replace(/^class /gm, 'export class ');
}

/** A page with `window.Line`, `window.speak` and `window.until`, and what ends it. */
export async function openBooth() {
  const server = createServer((request, response) => {
    const [, part] = request.url.match(/^\/kit\/([\w.-]+)$/) ?? [];
    const found = part ? ['text/javascript', () => file(KIT + part)] : FILES[request.url];
    try {
      const body = found[1]();
      response.writeHead(200, { 'Content-Type': found[0] }).end(body);
    } catch {
      // Whoever waits for a package that is not installed is told so.
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}/`;
  const browser = await openBrowser();
  const context = await browser.newContext();
  await context.grantPermissions(['microphone'], { origin });
  const page = await context.newPage();
  if (process.env.VERBOSE) page.on('console', (message) => console.log(message.text()));
  await page.goto(origin);
  await page.evaluate(async () => Object.assign(window, await import('/line.js')));
  const close = async () => {
    await browser.close();
    server.close();
  };
  /** The browser is gone without a goodbye to anybody. */
  const crash = async () => {
    const session = await browser.newBrowserCDPSession();
    await Promise.race([
      session.send('Browser.crash').catch(() => {}),
      new Promise((resolve) => browser.once('disconnected', resolve)),
    ]);
    server.close();
    server.closeAllConnections();
  };
  return { page, close, crash };
}
