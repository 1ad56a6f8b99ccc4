/** What people send, and when. */
import { z } from 'zod';

export type Arrival = { readonly atMs: number; readonly tenant: string } & (
  | { readonly kind: 'document'; readonly pages: number }
  /** `impatient`: a refused one is sent again every second, whatever it was told. */
  | { readonly kind: 'question'; readonly impatient?: boolean }
);

/** Of a line of a CSV file with the head `seconds,tenant,kind,pages`; a question has no pages. */
const line = z
  .strictObject({
    seconds: z.coerce.number().min(0),
    tenant: z.string().min(1),
    kind: z.enum(['document', 'question']),
    pages: z
      .literal('')
      .transform(() => 0)
      .or(z.coerce.number().int().min(0)),
  })
  .refine(({ kind, pages }) => kind === 'question' || pages >= 1, {
    path: ['pages'],
    message: 'a document has pages from 1',
  });

/**
 * @param lines as a CSV parser gives them, columns by name
 * @throws Error naming the line: what was given, what is allowed
 */
export function arrivalsOf(lines: readonly unknown[]): Arrival[] {
  if (lines.length === 0) throw new Error('given a trace without a line; allowed: seconds,tenant,kind,pages');
  return lines
    .map((one, index): Arrival => {
      const { success, data, error } = line.safeParse(one);
      if (!success) throw new Error(`line ${index + 2} of the trace is not valid:\n${z.prettifyError(error)}`);
      const { seconds, tenant, kind, pages } = data;
      const at = { atMs: seconds * 1000, tenant };
      return kind === 'document' ? { ...at, kind, pages } : { ...at, kind };
    })
    .toSorted((a, b) => a.atMs - b.atMs);
}
