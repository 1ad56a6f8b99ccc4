/** Makes a folder the same, byte for byte, whoever wrote it and when: then an image layer is the same too. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, lutimes, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface Folder {
  /** Of all files in it. */
  readonly bytes: number;
  /** Of names, modes and contents: 64 hexadecimal digits. */
  readonly hash: string;
}

/** Gives everything in the folder one fixed time and one of two modes. */
export async function normalize(folder: string): Promise<Folder> {
  const hash = createHash('sha256');
  const bytes = await visit(folder, '', hash);
  return { bytes, hash: hash.digest('hex') };
}

async function visit(root: string, name: string, hash: Hash): Promise<number> {
  const path = join(root, name);
  const entry = await lstat(path);
  let bytes = 0;
  if (entry.isSymbolicLink()) {
    hash.update(`link ${name}\0${await readlink(path)}\0`);
  } else {
    const mode = modeOf(entry.isDirectory(), entry.mode);
    await chmod(path, mode);
    hash.update(`${mode} ${name}\0`);
    if (entry.isDirectory())
      for (const child of (await readdir(path)).sort()) bytes += await visit(root, join(name, child), hash);
    else {
      bytes = entry.size;
      for await (const chunk of createReadStream(path)) hash.update(chunk);
    }
  }
  await lutimes(path, 0, 0);
  return bytes;
}

/** Folders for everyone (/tmp) stay so; the umask of whoever builds does not show. */
function modeOf(folder: boolean, mode: number): number {
  if (mode & 0o1000) return 0o1777;
  return folder || mode & 0o100 ? 0o755 : 0o644;
}
