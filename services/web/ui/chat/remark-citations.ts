/** A remark plugin: `[n]` in running text becomes a `cite` element with n inside; code and links stay as they are. */
import { findAndReplace } from 'mdast-util-find-and-replace';

export function remarkCitations() {
  return (tree: Parameters<typeof findAndReplace>[0]): void =>
    findAndReplace(
      tree,
      [
        /\[(\d{1,3})\]/g,
        (_match: string, n: string) => ({
          type: 'emphasis',
          data: { hName: 'cite' },
          children: [{ type: 'text', value: n }],
        }),
      ],
      { ignore: ['link', 'linkReference'] },
    );
}
