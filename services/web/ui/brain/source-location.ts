/** What the address says beside the path: which page is open in the source pane, and the phone's tab. Pure. */

export interface SourceLocation {
  readonly document: string;
  /** 1-based. */
  readonly page: number;
  /** The citation that led here: its turn and its number there. */
  readonly cite: { readonly turn: string; readonly n: number } | null;
}

export type Pane = 'documents' | 'chat' | 'source';

/** `?src=:document&p=:page&cite=:turn.:n&pane=:pane`; numbers of citations repeat in every turn, so the turn is named. */
export function readLocation(search: URLSearchParams): { pane: Pane; source: SourceLocation | null } {
  const document = search.get('src');
  const page = Number(search.get('p'));
  const [turn, n] = search.get('cite')?.split('.') ?? [];
  const source = document
    ? {
        document,
        page: Number.isInteger(page) && page > 0 ? page : 1,
        cite: turn && Number(n) > 0 ? { turn, n: Number(n) } : null,
      }
    : null;
  const named = search.get('pane');
  const pane = named === 'documents' ? named : named === 'source' && source ? named : 'chat';
  return { pane, source };
}

/** The address of an open source; on a phone its tab comes to the front. */
export function withSource({ document, page, cite }: SourceLocation): URLSearchParams {
  return new URLSearchParams({
    src: document,
    p: String(page),
    ...(cite && { cite: `${cite.turn}.${cite.n}` }),
    pane: 'source',
  });
}

export function withPane(search: URLSearchParams, pane: Pane): URLSearchParams {
  const next = new URLSearchParams(search);
  next.set('pane', pane);
  return next;
}
