/** Tokens without the model's tokenizer: for limits, and for the ledger when a provider reports no usage. */

/** Of what is held: an estimate may be a third short. */
export const estimateMargin = 4 / 3;

/**
 * About four Latin letters, or one and a half letters of other scripts, per token, as common BPE vocabularies give on
 * English and Korean prose. Off by up to a third on code, numbers and rare scripts.
 */
export function estimateTokens(text: string): number {
  let latin = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) < 0x0250) latin += 1;
  return Math.ceil(latin / 4 + (text.length - latin) / 1.5);
}
