/** A rehype plugin: each block of an answer is read in the direction of its own first letter. Code is read from the left. */

interface Tree {
  readonly children: { readonly tagName?: string; readonly properties?: Record<string, unknown> }[];
}

export function rehypeDirection() {
  return (tree: Tree): void => {
    for (const { tagName, properties } of tree.children) if (properties && tagName !== 'pre') properties.dir = 'auto';
  };
}
