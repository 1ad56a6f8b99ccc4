/**
 * When Enter sends. Korean is typed by composition: the last syllable is still open when Enter comes. Ignoring that
 * Enter makes every message need two; sending at once loses or doubles the syllable. So: remember it, let the
 * composition end, and send what the box then holds, once; an empty box sends nothing. Other scripts use that Enter to
 * choose a candidate.
 */

/** Jamo, compatibility jamo, syllables. */
const hangul = /^[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]+$/;

export interface EnterKey {
  readonly key: string;
  /** Windows names the key `Process` in a composition; the code stays. */
  readonly code: string;
  readonly keyCode: number;
  readonly shiftKey: boolean;
  readonly isComposing: boolean;
}

export interface Composition {
  readonly active: boolean;
  /** What is or was last composed; Safari ends the composition before it tells of the key. */
  readonly text: string;
}

/** `ignore`: the box handles the key as always. */
export type EnterDecision = 'send' | 'send-on-end' | 'send-soon' | 'ignore';

export function onEnter(event: EnterKey, composition: Composition): EnterDecision {
  if ((event.key !== 'Enter' && event.code !== 'Enter') || event.shiftKey) return 'ignore';
  if (!event.isComposing && event.keyCode !== 229) return 'send';
  if (!hangul.test(composition.text)) return 'ignore';
  return composition.active ? 'send-on-end' : 'send-soon';
}
