/**
 * Markdown of an answer. Images are never loaded (their address could carry a secret away), raw HTML is never rendered,
 * links name their host. `[n]` becomes a mark only where citation n exists. While an answer streams, its finished blocks
 * stay as they are and only the last ones are parsed again.
 */
import { memo, use, useMemo, useRef } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkCjkFriendly from 'remark-cjk-friendly';
import remarkGfm from 'remark-gfm';
import type { Citation } from '../../../../shared/contract/chat.ts';
import { type Blocks, grow, noBlocks } from './blocks.ts';
import { CitationMark, MarkContext } from './citation-mark.tsx';
import { rehypeDirection } from './rehype-direction.ts';
import { remarkCitations } from './remark-citations.ts';

interface MarkdownProps {
  readonly turn: string;
  readonly text: string;
  readonly citations: readonly Citation[];
  readonly cited: number | null;
  readonly onCite: (n: number) => void;
  readonly streaming: boolean;
}

export default function Markdown({ turn, text, citations, cited, onCite, streaming }: MarkdownProps) {
  const blocks = useRef<Blocks>(noBlocks);
  blocks.current = grow(blocks.current, text);
  const byNumber = useMemo(() => new Map(citations.map((citation) => [citation.n, citation])), [citations]);
  const context = useMemo(() => ({ turn, cited, onCite, byNumber }), [turn, cited, onCite, byNumber]);
  const parts = streaming ? blocks.current.parts : [text];
  return (
    <MarkContext value={context}>
      {parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks only grow at the end; their place is their identity.
        <Block key={index} text={part} />
      ))}
    </MarkContext>
  );
}

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <ReactMarkdown
      remarkPlugins={plugins}
      rehypePlugins={rehypePlugins}
      components={components}
      disallowedElements={['img']}
      unwrapDisallowed
      urlTransform={webAddress}
    >
      {text}
    </ReactMarkdown>
  );
});

const plugins = [remarkGfm, remarkCjkFriendly, remarkCitations];
const rehypePlugins = [rehypeDirection];

const components: Components = {
  a: ({ href, children }) =>
    href ? (
      <a href={href} target="_blank" rel="noopener noreferrer">
        {children} <span className="text-xs text-muted">({new URL(href).host})</span>
      </a>
    ) : (
      <span>{children}</span>
    ),
  // The citation plugin writes `[n]` as <cite>.
  cite: ({ children }) => <Mark text={String(children)} />,
};

function Mark({ text }: { text: string }) {
  const { byNumber } = use(MarkContext);
  const citation = byNumber.get(Number(text));
  return citation ? <CitationMark citation={citation} /> : `[${text}]`;
}

/** Web addresses only: no `javascript:`, no `data:`, nothing relative to us. */
function webAddress(url: string): string | undefined {
  return /^https?:\/\//i.test(url) && URL.canParse(url) ? url : undefined;
}
