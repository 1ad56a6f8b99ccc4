/** Ids of turns, which say in which order a conversation was spoken. */
import { randomBytes } from 'node:crypto';
import { UUID, uuidv7 } from 'uuidv7';

/**
 * A UUIDv7 after the conversation's last one: when a clock was set back, or another replica's is ahead, it is that one's
 * next millisecond.
 *
 * @param last null: there is none
 */
export function turnIdAfter(last: string | null): string {
  const id = uuidv7();
  if (last === null || id > last) return id;
  const lastMs = Number.parseInt(last.replace('-', '').slice(0, 12), 16);
  const random = randomBytes(10);
  return UUID.fromFieldsV7(
    lastMs + 1,
    random.readUInt16BE(0) & 0xfff,
    random.readUInt32BE(2) & 0x3fffffff,
    random.readUInt32BE(6),
  ).toString();
}
