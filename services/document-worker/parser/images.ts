/** Pictures of a page as bytes: PNG or JPEG, of a bounded number and size. */
import type { PageImage } from '../../shared/contract/page.ts';

/** Pictures of one page that are listed; a page with more is a drawing made of crumbs. */
export const imagesMax = 1000;
/** Of these so many are stored: a page of print has a few. */
const storedMax = 50;
/** Of one page: four times what its text and boxes may take, and four children have one each in memory. */
const pageImageBytesMax = 8 * 1024 * 1024;
/** A line or a dot; as a picture it shows nothing. */
export const imageBytesMin = 64;

export interface ImageBytes {
  readonly parts: Uint8Array[];
  bytes: number;
}

/** What the page result says of a picture's bytes; undefined when they are not kept: it has its box alone. */
export function addImage(stored: ImageBytes, bytes: Uint8Array): Pick<PageImage, 'stored'> | undefined {
  const media_type = mediaTypeOf(bytes);
  if (!media_type || bytes.length < imageBytesMin) return undefined;
  if (stored.parts.length >= storedMax || stored.bytes + bytes.length > pageImageBytesMax) return undefined;
  const offset = stored.bytes;
  stored.parts.push(bytes);
  stored.bytes += bytes.length;
  return { stored: { media_type, offset, bytes: bytes.length } };
}

const png = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const jpeg = [0xff, 0xd8, 0xff];

/** By its first bytes, whatever was said of it. */
function mediaTypeOf(bytes: Uint8Array): 'image/png' | 'image/jpeg' | null {
  if (png.every((byte, at) => bytes[at] === byte)) return 'image/png';
  return jpeg.every((byte, at) => bytes[at] === byte) ? 'image/jpeg' : null;
}
