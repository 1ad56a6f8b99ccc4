/** What Markdown says about its own text: headings, and stretches that are not to be cut. Pure. */

export interface Heading {
  /** UTF-16 offsets in the page's text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** 0 for the largest parts. */
  readonly level: number;
}

const fence = /^ {0,3}(?:```|~~~)/;
const hashes = /^ {0,3}(#{1,6})[ \t]+(.*?)[ \t#]*$/;

/** Lines with a number of signs before them; not those of code. */
export function markdownHeadings(text: string): Heading[] {
  const headings: Heading[] = [];
  let code = false;
  for (const { start, end, line } of linesIn(text)) {
    if (fence.test(line)) code = !code;
    const [, signs, title] = (!code && hashes.exec(line)) || [];
    if (signs && title) headings.push({ start, end, text: title, level: signs.length - 1 });
  }
  return headings;
}

/** Code between fences, and tables. */
export function togetherIn(text: string): { readonly start: number; readonly end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let open: number | null = null;
  let table: { start: number; end: number } | null = null;
  for (const { start, end, line } of linesIn(text)) {
    if (fence.test(line)) {
      if (open !== null) ranges.push({ start: open, end });
      open = open === null ? start : null;
    } else if (open === null && /^\s*\|.*\|\s*$/.test(line)) {
      if (table) table.end = end;
      else {
        table = { start, end };
        ranges.push(table);
      }
      continue;
    }
    table = null;
  }
  return ranges;
}

function* linesIn(text: string): Generator<{ start: number; end: number; line: string }> {
  for (let start = 0; start <= text.length; ) {
    const next = text.indexOf('\n', start);
    const end = next < 0 ? text.length : next;
    yield { start, end, line: text.slice(start, end) };
    start = end + 1;
  }
}
