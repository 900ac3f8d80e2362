/**
 * How one message looks: the learner's with its corrections, the tutor's sentence by sentence.
 * Every text is a text node.
 */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { PEN, REPLAY, SLOWLY, STATES, WARNING } from './icons.js';

/**
 * @typedef {object} Actions
 * @property {(turn: Entry, index: number | null, rate?: number) => void} replay One sentence, or
 *   all of them.
 * @property {(entry: Entry) => void} sendAgain
 *
 * @typedef {import('../client/turns.js').Entry} Entry
 * @typedef {import('../client/programme.js').Position} Position
 */

/**
 * @param {Entry} entry
 * @param {Position | null} position What is heard now.
 * @param {Actions} actions
 */
export function entryView(entry, position, actions) {
  return entry.role === 'user' ? learnerView(entry, actions) : tutorView(entry, position, actions);
}

function learnerView(entry, actions) {
  const { text, senderName, phase, corrections } = entry;
  return html`<article class="entry learner" data-phase=${phase} aria-label="You">
    <p class="bubble" dir="auto" .textContent=${text}></p>
    ${phase === 'sending' ? html`<p class="aside">sending…</p>` : nothing}
    ${phase === 'unsent' ? unsentView(entry, actions) : nothing}
    ${corrections.map(correctionView)}
    ${senderName ? html`<p class="sender" .textContent=${senderName}></p>` : nothing}
  </article>`;
}

function unsentView(entry, actions) {
  return html`<p class="aside problem">
    ${WARNING}<span>Not sent: ${entry.problem?.message}</span>
    <button class="link" @click=${() => actions.sendAgain(entry)}>Send again</button>
  </p>`;
}

function correctionView({ original, suggestion, explanation }) {
  return html`<div class="correction" role="note" aria-label="Correction">
    ${PEN}
    <p class="change" dir="auto">
      <del .textContent=${original}></del>
      <span aria-hidden="true">→</span>
      <ins .textContent=${suggestion}></ins>
    </p>
    ${explanation ? html`<p class="why" dir="auto" .textContent=${explanation}></p>` : nothing}
  </div>`;
}

function tutorView(turn, position, actions) {
  const isMaking = turn.phase === 'making' || turn.phase === 'lost';
  const heard = position?.turnId === turn.turnId ? position.chunkIndex : -1;
  return html`<article
    class="entry tutor"
    data-phase=${turn.phase}
    data-turn=${turn.turnId}
    aria-label="Tutor"
    aria-busy=${isMaking}
  >
    <p class="sentences" dir="auto">${sentencesOf(turn, heard, actions)}</p>
    ${turn.phase === 'stopped' ? html`<p class="aside">stopped</p>` : nothing}
    ${turn.phase === 'failed' ? failureView(turn) : nothing}
    ${isMaking ? nothing : footView(turn, actions)}
  </article>`;
}

/** Stored messages of which only the text is known are shown whole. */
function sentencesOf(turn, heard, actions) {
  if (turn.chunks.length === 0) return html`<span class="text" .textContent=${turn.text}></span>`;
  return Array.from(turn.chunks, (chunk, index) =>
    chunk ? sentenceView(turn, chunk, index, index === heard, actions) : nothing,
  );
}

function sentenceView(turn, chunk, index, isPlaying, actions) {
  const state = isPlaying ? 'playing' : chunk.ttsStatus;
  const { words, mark } = STATES[state] ?? STATES.pending;
  const status = chunk.ttsError ? `${words}: ${chunk.ttsError}` : words;
  const hear = () => actions.replay(turn, index);
  return html`<span
    class="sentence"
    data-state=${state}
    data-index=${index}
    ?data-emphasis=${chunk.emphasis}
    @click=${hear}
    ><button
      class="emotion"
      ?disabled=${!chunk.audioUrl}
      title="${chunk.emotion}, ${status}"
      aria-label="Hear sentence ${index + 1} again (${chunk.emotion}, ${status})"
    ><span aria-hidden="true" .textContent=${chunk.icon}></span></button
    ><span class="text" lang=${chunk.language ?? nothing} .textContent=${chunk.text}></span
    ><span class="mark" title=${status}>${mark}</span
    >${state === 'failed' ? html`<span class="reason">${status}</span>` : nothing}</span
  > `;
}

function failureView({ problem }) {
  return html`<p class="aside problem">${WARNING}<span>${problem?.message}</span></p>`;
}

function footView(turn, actions) {
  const canHear = turn.chunks.some((chunk) => chunk?.audioUrl);
  const hear = (rate) => () => actions.replay(turn, null, rate);
  return html`<footer class="foot">
    ${
      canHear
        ? html`<button class="quiet" @click=${hear(1)}>${REPLAY}Again</button>
          <button class="quiet" @click=${hear(0.75)}>${SLOWLY}Slowly</button>`
        : nothing
    }
    <small>${whoAnswers(turn.metadata)}</small>
  </footer>`;
}

/** Says what answers, and that the practice tutor is no language model. */
function whoAnswers(metadata) {
  if (!metadata) return nothing;
  const { model, provider, voice } = metadata;
  const who =
    provider === 'practice' ? 'Practice tutor: written lessons, not a language model' : model;
  return voice ? `${who} · voice ${voice}` : who;
}
