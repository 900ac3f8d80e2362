/**
 * What every browser test needs: Chromium, a fresh page on the server under test, and the texts it
 * expects. It asserts nothing.
 */

import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const { scenes } = JSON.parse(readFileSync(new URL('./scenes.json', import.meta.url), 'utf8'));
export { scenes };

/** Where the server under test answers, with a final slash. */
export const SERVER = new URL(process.env.PARLA_URL ?? 'http://127.0.0.1:11200/').href;

/** Where a practice tutor answers that hears by itself. */
export const LESSONS = new URL(process.env.PARLA_LESSONS_URL ?? SERVER).href;

/** Longer than any step takes on a slow machine; a step that never comes fails by it. */
const PATIENCE_MS = 30_000;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const SOUND_WITHOUT_GESTURE = '--autoplay-policy=no-user-gesture-required';
const SOUND_AFTER_GESTURE = '--autoplay-policy=document-user-activation-required';
const MICROPHONE = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

/**
 * @param {{needsGesture?: boolean, microphone?: string}} [options] The microphone plays that WAV
 *   file over and over; without one there is no device.
 */
export function openBrowser({ needsGesture = false, microphone } = {}) {
  const args = [...ARGUMENTS, needsGesture ? SOUND_AFTER_GESTURE : SOUND_WITHOUT_GESTURE];
  if (microphone) args.push(...MICROPHONE, `--use-file-for-fake-audio-capture=${microphone}`);
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * A learner with an empty page, and a list of everything that must not happen there.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {{context?: object, server?: string, prepare?: (page: import('playwright-core').Page) =>
 *   Promise<void>}} [options]
 */
export async function openPage(
  browser,
  { context: options = {}, server = SERVER, prepare = async () => {} } = {},
) {
  const context = await browser.newContext({ viewport: { width: 390, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const faults = watch(page, new URL(server).host);
  await prepare(page);
  await page.goto(server);
  await page.locator('.link-state[data-look=good]').waitFor();
  return { page, context, faults };
}

/** @param {import('playwright-core').Page} page @param {string} text */
export async function say(page, text) {
  await page.fill('#message', text);
  await page.keyboard.press('Enter');
}

/** The tutor's sentences as they stand on the page. @param {import('playwright-core').Page} page */
export function sentences(page) {
  return page.locator('.sentence').evaluateAll((all) =>
    all.map((one) => ({
      text: one.querySelector('.text').textContent,
      icon: one.querySelector('.emotion').textContent,
      state: one.dataset.state,
    })),
  );
}

/**
 * Waits until the tutor's newest turn is in that phase.
 *
 * @param {import('playwright-core').Page} page
 */
export function untilPhase(page, phase) {
  return page.locator(`.tutor[data-phase=${phase}]`).last().waitFor();
}

/**
 * Waits until `read` answers something that satisfies `accept`, and returns the last answer either
 * way.
 */
export async function eventually(read, accept) {
  const end = Date.now() + PATIENCE_MS;
  let answer = await read();
  while (!accept(answer) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    answer = await read();
  }
  return answer;
}

/** How loud the page is at this moment, from 0 to 1, and whether it means to speak. */
export function hearing(page) {
  return page.evaluate(async () => {
    const { app } = await import('/page/main.js');
    const { analyser, isSpeaking } = app.player;
    if (!analyser) return { level: 0, isSpeaking };
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    return { level: Math.max(...samples.map(Math.abs)), isSpeaking };
  });
}

/** Collects errors, dialogs, breaches of the content policy and requests to other hosts. */
function watch(page, origin) {
  const faults = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('console', (message) => {
    if (/content security policy|trusted ?type|refused to/i.test(message.text()))
      faults.push(message.text());
  });
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol.startsWith('http') && host !== origin) faults.push(`request: ${request.url()}`);
  });
  return faults;
}
