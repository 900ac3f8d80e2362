/** Fetches what a conversation has said before, a page at a time. It keeps nothing. */

import { authorization, problemOf } from './events.js';

const PAGE_SIZE = 50;

/**
 * One page of stored messages, oldest first, and the cursor of the page before it.
 * A conversation that the server does not know yet has none.
 *
 * @param {URL} base
 * @param {string} conversationId
 * @param {string | null} token
 * @param {string | null} cursor
 * @returns {Promise<{messages: any[], next: string | null}>}
 */
export async function fetchHistory(base, conversationId, token, cursor = null) {
  const url = new URL(`api/v1/conversations/${encodeURIComponent(conversationId)}/messages`, base);
  url.searchParams.set('limit', String(PAGE_SIZE));
  if (cursor) url.searchParams.set('cursor', cursor);
  const response = await fetch(url, { headers: authorization(token), cache: 'no-store' });
  if (response.status === 404) return { messages: [], next: null };
  if (!response.ok) throw Object.assign(new Error('no history'), await problemOf(response));
  const { items, next } = await response.json();
  return { messages: items.toReversed(), next: next ?? null };
}
