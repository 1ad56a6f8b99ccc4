/**
 * Text as PostgreSQL stores it. A jsonb value refuses NUL and half a surrogate pair, and one refused value fails the
 * statement that writes the events of every turn of this replica. Both appear as U+FFFD instead. Pure.
 */

/** Joins pairs that a stream cut in two; what is not storable is replaced. */
export interface SurrogateJoiner {
  /** Holds back the first half of a pair until the next piece comes. */
  push(piece: string): string;
  /** What was held back. */
  end(): string;
}

const replacement = '\uFFFD';

export function createSurrogateJoiner(): SurrogateJoiner {
  let held = '';
  return {
    push: (piece) => {
      const text = held + piece;
      held = /[\uD800-\uDBFF]$/.test(text) ? text.slice(-1) : '';
      return storableText(held ? text.slice(0, -1) : text);
    },
    end: () => {
      const rest = storableText(held);
      held = '';
      return rest;
    },
  };
}

/** As long as given. */
export const storableText = (text: string) => text.toWellFormed().replaceAll('\0', replacement);

export const storableJson = (value: object) =>
  JSON.stringify(value, (_key, member) => (typeof member === 'string' ? storableText(member) : member));
