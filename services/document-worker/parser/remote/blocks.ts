/** What every provider's answer is read into, and how page results are made of it, within the bounds of any parser's. */
import type { LineBox, PageResult } from '../../../shared/contract/page.ts';
import { addImage, type ImageBytes, imagesMax } from '../images.ts';
import { failedPage, pageCharsMax, pageLinesMax, type ReadPage } from '../reader.ts';
import type { PageFrame } from './page-frame.ts';

/** `[x0, y0, x1, y1]` from the top left corner, in the units of {@link RemotePage}. */
export type Box = [x0: number, y0: number, x1: number, y1: number];

export interface RemotePage {
  readonly width: number;
  readonly height: number;
  /** In reading order. Null: the provider says no place. */
  readonly blocks: { readonly text: string; readonly box: Box | null }[];
  readonly tables: string[][][];
  readonly images: { readonly box: Box; readonly bytes: Uint8Array | null; width_px: number; height_px: number }[];
}

/** Pages of the part that was sent, by their place in it from 1. @throws UnusableAnswerError */
export type ReadAnswer = (answer: unknown) => Map<number, RemotePage>;

/** An answer that is not what its format promises: worth another try. */
export class UnusableAnswerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnusableAnswerError';
  }
}

/** Tables of one page, and cells of one table: more are made to exhaust memory. */
export const tablesMax = 100;
export const cellsMax = 10_000;

export const emptyPage = (width: number, height: number): RemotePage => ({
  width,
  height,
  blocks: [],
  tables: [],
  images: [],
});

export function toPageResult(
  parser: string,
  frame: PageFrame,
  remote: RemotePage | undefined,
  wanted: { readonly images: boolean; readonly tables: boolean },
): ReadPage {
  const { page_number, width, height, rotation, drawn } = frame;
  const failed = (code: 'corrupt' | 'too-large', message: string): ReadPage => ({
    result: failedPage(page_number, parser, { code, message }),
    images: new Uint8Array(),
  });
  if (!remote) return failed('corrupt', `The parser '${parser}' left page ${page_number} out.`);
  const placed = fitInto(frame, remote);
  const lines: LineBox[] = [];
  let text = '';
  for (const block of remote.blocks) {
    const said = clean(block.text).trim();
    if (!said) continue;
    if (text) text += '\n\n';
    if (block.box) lines.push([text.length, text.length + said.length, ...placed(block.box)]);
    text += said;
    if (text.length > pageCharsMax)
      return failed('too-large', `Page ${page_number} has more than ${pageCharsMax} characters, which are allowed.`);
  }
  if (lines.length > pageLinesMax)
    return failed('too-large', `Page ${page_number} has ${lines.length} lines, allowed are ${pageLinesMax}.`);
  const stored: ImageBytes = { parts: [], bytes: 0 };
  const images = remote.images.slice(0, imagesMax).map(({ box, bytes, width_px, height_px }) => ({
    box: placed(box),
    width_px,
    height_px,
    ...(wanted.images && bytes && addImage(stored, bytes)),
  }));
  return {
    images: Buffer.concat(stored.parts),
    result: {
      ...failedPage(page_number, parser, null),
      text,
      lines,
      images,
      tables: wanted.tables
        ? { status: 'extracted', items: remote.tables.slice(0, tablesMax) }
        : { status: 'off', items: [] },
      metadata: {
        parser,
        width: round(width),
        height: round(height),
        rotation,
        scanned: text === '' && drawn,
      },
    } satisfies PageResult,
  };
}

/** A provider measures in pixels or points of its own; whatever lies outside of the page is put at its edge. */
function fitInto(frame: PageFrame, remote: RemotePage): (box: Box) => Box {
  const [sx, sy] = [frame.width / (remote.width || frame.width), frame.height / (remote.height || frame.height)];
  const x = (value: number) => round(Math.min(frame.width, Math.max(0, value * sx)) || 0);
  const y = (value: number) => round(Math.min(frame.height, Math.max(0, value * sy)) || 0);
  return ([x0, y0, x1, y1]) => [x(Math.min(x0, x1)), y(Math.min(y0, y1)), x(Math.max(x0, x1)), y(Math.max(y0, y1))];
}

/** PostgreSQL takes no NUL and no half a pair; U+FFFE stands for a hyphen. */
const clean = (text: string) =>
  text.replaceAll('\0', ' ').replaceAll('\r', '').replaceAll('\uFFFE', '-').toWellFormed();

/** A hundredth of a point is finer than any screen shows. */
const round = (value: number) => Math.round(value * 100) / 100;

// What was sent by others has any shape.
export type Json = Readonly<Record<string, unknown>>;
export const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
export const array = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const string = (value: unknown): string => (typeof value === 'string' ? value : '');
export const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);
/** Base64, also as a `data:` URI. */
export const bytesOf = (value: unknown): Uint8Array | null => {
  const base64 = string(value).replace(/^data:[^,]*,/, '');
  return base64 ? Buffer.from(base64, 'base64') : null;
};
