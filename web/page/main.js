/**
 * Starts the page. Whoever drives it in a test imports `app` from here; nothing is put on `window`.
 */

import { App } from './app.js';

export const app = new App(document.body);
app.start();
