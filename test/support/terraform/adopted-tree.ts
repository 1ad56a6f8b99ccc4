/** Copies of what deploying reads, for tests that change it. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');
/** What deploying reads. */
const parts =
  /^(stacks|constructs|environments)\/|^services\/([^/]+|shared\/.+)\.ts$|^local\/processes\/lock\.ts$|^(package|cdktf)\.json$/;

export interface CopiedTree {
  readonly folder: string;
  /** Rewrites a file of it. */
  change(path: string, how: (text: string) => string): void;
  close(): void;
}

export function copiedTree(): CopiedTree {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-copied-'));
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const path of listed.toString().trim().split('\n'))
    if (parts.test(path)) cpSync(join(root, path), join(folder, path), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return {
    folder,
    change: (path, how) => writeFileSync(join(folder, path), how(readFileSync(join(folder, path), 'utf8'))),
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** The tree as somebody has it who filled in `dev`: a host and an AMI of theirs, images that were pushed. */
export function adoptedTree(): CopiedTree {
  const tree = copiedTree();
  tree.change('environments/dev.ts', (text) =>
    text.replace(/publicHost: '[^']*'/, "publicHost: 'chat.acme.dev'").replace(/ami-0+/, 'ami-0123456789abcdef0'),
  );
  tree.change('environments/images.dev.json', (text) => text.replaceAll(/sha256:0+/g, `sha256:${'a'.repeat(64)}`));
  return tree;
}
