/** terraform's stand-in on PATH, and what it noted. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export interface Note {
  /** Stack and arguments. */
  readonly line: string;
  readonly backend?: { readonly s3?: Readonly<Record<string, unknown>>; readonly local?: { readonly path: string } };
  readonly ephemeral?: boolean;
  readonly endpoint?: string;
  readonly attempts?: string;
}

export interface StandIn {
  /** For a process that shall find it instead of terraform. */
  readonly env: Readonly<Record<string, string>>;
  notes(): Note[];
  lines(): string[];
  close(): void;
}

export function standIn(): StandIn {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-stand-in-'));
  const program = join(import.meta.dirname, 'terraform.cjs');
  chmodSync(program, 0o755);
  symlinkSync(program, join(folder, 'terraform'));
  const log = join(folder, 'log');
  const notes = () =>
    existsSync(log)
      ? readFileSync(log, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Note)
      : [];
  return {
    env: { PATH: `${folder}${delimiter}${process.env.PATH}`, STAND_IN_LOG: log, CHECKPOINT_DISABLE: '1', CI: '1' },
    notes,
    lines: () => notes().map(({ line }) => line),
    close: () => rmSync(folder, { recursive: true }),
  };
}
