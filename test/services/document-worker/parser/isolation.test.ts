/** Parsers reach no network, or the worker says so, or does not start. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isolate } from '../../../../services/document-worker/parser/isolation.ts';
import { networkFilter } from '../../../../services/document-worker/parser/network-filter.ts';
import { ParserPool } from '../../../../services/document-worker/parser/parser-pool.ts';
import { createLogger } from '../../../../services/shared/log.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-isolation-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A folder in which these scripts are the programs: a container that refuses namespaces, or lets a filter through. */
async function programs(scripts: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(join(folder, 'bin'));
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
  return bin;
}
const refuses = 'echo "$0: Operation not permitted" >&2; exit 1';
const log = createLogger('test', { level: 'silent' });
const start = (isolation: string, tools: string) =>
  ParserPool.start({ log, children: 1, pageTimeoutMs: 60_000, folder, isolation, tools });

test('where nothing keeps a parser from the network, a worker that requires it does not start and says what to do', async () => {
  const tools = await programs({ unshare: refuses, setpriv: refuses });
  await expect(start('required', tools)).rejects.toThrow(
    /^PARSER_ISOLATION is 'required', but a parser could reach the network here: no network \(.*unshare: .*Operation not permitted.*Allow user namespaces, bring util-linux 2\.40 or later, or set it to 'preferred'\.$/,
  );
  const pool = await start('preferred', tools);
  expect(pool.isolation.network).toBe('open');
  await pool.close();
});

test('a program that only claims to take the network away does not count', async () => {
  const runs = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"';
  const tools = await programs({ unshare: runs, setpriv: runs });
  const { network, refused } = await isolate({
    childModule: join(folder, 'child.ts'),
    folder,
    memoryMaxMiB: 256,
    tools,
  });
  expect(network).toBe('open');
  expect(refused[0]).toContain('the network can still be reached');
});

test('without namespaces a filter is tried, and it is the program that the kernel takes', async () => {
  const tools = await programs({ unshare: refuses, setpriv: refuses });
  const { network } = await isolate({ childModule: join(folder, 'child.ts'), folder, memoryMaxMiB: 256, tools });
  expect(network).toBe('open');
  const filter = await readFile(join(folder, 'no-sockets.bpf'));
  expect(filter).toEqual(networkFilter());
  // Instructions of 8 bytes; the last one lets pass what was not refused.
  expect([filter.length % 8, filter.subarray(-8).toString('hex')]).toEqual([0, '060000000000ff7f']);
  expect(networkFilter('riscv64')).toBe(null);
});
