/** The page as a whole, from the app's state. It changes nothing but the document. */

import { html, nothing, render } from '../vendor/lit-html/lit-html.js';
import { composerView } from './composer.js';
import { entryView } from './entry.js';
import { gettingReadyView } from './getting-ready.js';
import { NEW } from './icons.js';
import { lessonView } from './lesson.js';
import { linkView } from './link.js';
import { alertsView, noticeLogView } from './notices.js';
import { welcomeView } from './welcome.js';

/** Whoever is so close to the end, in CSS pixels, wants to see what comes. */
const NEAR_END = 120;
let mustFollow = true;

/** @param {import('./app.js').App} app */
export function pageView(app) {
  const { parla } = app;
  return html`
    <header class="top">
      <h1 class="brand"><img src="page/icon.svg" alt="" width="28" height="28" />parla</h1>
      ${linkView(parla)}
      <button class="quiet new" @click=${() => app.join(null)}>
        ${NEW}<span>New<span class="wide"> conversation</span></span>
      </button>
    </header>
    ${lessonView(app.choices, app.catalogue, app.isLessonOpen, {
      choose: (change) => app.choose(change),
      toggle: () => app.toggleLesson(),
    })}
    <main>${conversationView(app)}</main>
    <section class="bottom" aria-label="Write or speak to the tutor">
      ${alertsView(app.notices, () => app.render())} ${noticeLogView(app.notices)}
      ${composerView(
        {
          isActive: app.isActive,
          isLocked: app.player.isLocked,
          placeholder: app.placeholder,
          language: app.choices.language,
          voice: app.voice,
        },
        {
          send: (text) => app.send(text),
          stop: () => app.stop(),
          unlock: () => app.player.unlock(),
        },
      )}
    </section>
  `;
}

function conversationView(app) {
  const { parla, position } = app;
  const { entries, awaiting } = parla.state;
  const actions = {
    replay: (turn, index, rate) => app.replay(turn, index, rate),
    sendAgain: (entry) => app.sendAgain(entry),
  };
  return html`
    ${
      parla.hasEarlier
        ? html`<button class="quiet earlier" @click=${() => app.loadEarlier()}>
          Earlier messages
        </button>`
        : nothing
    }
    ${
      entries.length === 0 && !awaiting && !parla.isLoading
        ? welcomeView(app.choices, app.catalogue, { begin: (scenario) => app.begin(scenario) })
        : nothing
    }
    <div class="log" role="log" aria-label="Conversation">
      ${entries.map((entry) => entryView(entry, position, actions))}
    </div>
    ${awaiting
      ? html`<p class="thinking" role="status">
          <span class="visually-hidden">The tutor is thinking</span><i></i><i></i><i></i>
        </p>`
      : nothing}
    ${gettingReadyView(app.gettingReady)}
  `;
}

/** Shows the view and stays at its end, unless the learner has scrolled away to read. */
export function show(view, root) {
  const page = document.scrollingElement;
  const follows = mustFollow || page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_END;
  render(view, root);
  const hasTalk = root.querySelector('.entry, .thinking') !== null;
  if (follows && hasTalk) page.scrollTo({ top: page.scrollHeight });
  mustFollow &&= !hasTalk;
}

/** Who sends something wants to see the answer, wherever they were reading. */
export function stayAtEnd() {
  mustFollow = true;
}
