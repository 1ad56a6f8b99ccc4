/** Splits growing Markdown into blocks, so that a token costs the last blocks and not the whole answer. Pure. */
import { lexer } from 'marked';

export interface Blocks {
  readonly text: string;
  /** Join to the text. */
  readonly parts: readonly string[];
}

export const noBlocks: Blocks = { text: '', parts: [] };

/**
 * The blocks of a text that usually is the last one with something added. The last two blocks are looked at again: what
 * comes may still join them (a list's next item, a heading's underline).
 */
export function grow(blocks: Blocks, text: string): Blocks {
  if (text === blocks.text) return blocks;
  const same = text.startsWith(blocks.text) ? blocks.parts.slice(0, -reopened) : [];
  const frozen = same.join('');
  const tail = lexer(text.slice(frozen.length)).map(({ raw }) => raw);
  const parts = [...same, ...tail];
  // The lexer normalizes line ends and tabs; where that changed the text, blocks would drift.
  return { text, parts: parts.join('') === text ? parts : [text] };
}

/** A trailing blank line is a block of its own, so two blocks of content can be four. */
const reopened = 4;
