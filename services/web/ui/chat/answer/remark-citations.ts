/**
 * A remark plugin: `[n]`, and `[n, m]`, in running text become `cite` elements with the number inside; code and links
 * stay as they are.
 */
import { findAndReplace } from 'mdast-util-find-and-replace';

type Tree = Parameters<typeof findAndReplace>[0];

export function remarkCitations() {
  return (tree: Tree): void =>
    findAndReplace(
      tree,
      [mark, (_match: string, numbers: string) => numbers.split(/[,;]/).map((n) => cite(n.trim()))],
      {
        ignore: ['link', 'linkReference'],
      },
    );
}

/** As the chat service reads marks. */
const mark = /\[(\d{1,2}(?:\s*[,;]\s*\d{1,2})*)\]/g;

/** An emphasis that is rendered as `cite`: Markdown has no node of its own for it. */
function cite(n: string) {
  return { type: 'emphasis' as const, data: { hName: 'cite' }, children: [{ type: 'text' as const, value: n }] };
}
