/**
 * A new tier is one entry in the manifest and one folder; an optional one that an environment leaves out leaves nothing
 * behind. Shown on a copy of the tree with one more entry, types included.
 */
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execa } from 'execa';
import type { TierReport } from './tier-report.ts';

const project = new URL('../..', import.meta.url).pathname;

const entry = `  echo: {
    optional: true,
    port: 8007,
    workload: 'interactive',
    routes: [],
    urlPath: '/v1',
    healthPath: '/readyz',
    calls: [],
    uses: [],
    egress: [],
    build: { budgetMiB: 15 },
    settings: [...process],
  },
`;

/** The whole change: who it is, who calls it and what for, and the setting that says where it is. */
const changes: Record<string, [find: string | RegExp, put: string][]> = {
  'services/manifest.ts': [
    [/^export const services = \{\n/m, `$&${entry}`],
    ["calls: ['vectorstore', 'embedding', 'governor'],", "calls: ['vectorstore', 'embedding', 'governor', 'echo'],"],
    ["      'VECTORSTORE_URL',\n", "$&      'ECHO_URL',\n"],
  ],
  'services/call-verbs.ts': [["chat: { vectorstore: ['search'],", "$& echo: ['search'],"]],
  'services/settings.ts': [
    [/^ {2}VECTORSTORE_URL: .*\n/m, "$&  ECHO_URL: { type: 'url', what: 'base URL of echo', default: '' },\n"],
  ],
};

async function change(file: string): Promise<void> {
  const path = join(folder, file);
  let text = await readFile(path, 'utf8');
  for (const [find, put] of changes[file] ?? []) {
    const changed = text.replace(find, put);
    if (changed === text) throw new Error(`${file} has no ${find}`);
    text = changed;
  }
  await writeFile(path, text);
}

let folder: string;
let absent: TierReport;
let placed: TierReport;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bulkhead-new-tier-'));
  const copied = ['constructs', 'environments', 'local', 'services', 'stacks', 'test', 'package.json', 'tsconfig.json'];
  for (const path of copied)
    await cp(join(project, path), join(folder, path), { recursive: true, filter: (from) => !from.endsWith('/dist') });
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'));
  for (const file of Object.keys(changes)) await change(file);
  await mkdir(join(folder, 'services/echo'));
  await writeFile(join(folder, 'services/echo/main.ts'), "console.log('echo');\n");
  const { stdout } = await execa(
    process.execPath,
    ['--no-experimental-detect-module', join(folder, 'test/extending/tier-report.ts')],
    { cwd: folder },
  );
  ({ absent, placed } = JSON.parse(stdout) as { absent: TierReport; placed: TierReport });
}, 600_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test('compiles: nothing else has to be told of it', async () => {
  const own = {
    extends: './tsconfig.json',
    include: ['environments', 'constructs', 'stacks', 'local', 'services/echo', 'services/api', 'test/extending'],
    exclude: ['test/extending/*.test.ts'],
  };
  await writeFile(join(folder, 'tsconfig.echo.json'), JSON.stringify(own));
  await execa(join(project, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.echo.json'], { cwd: folder });
  // 20 s alone; ten times as long beside everything else on two cores.
}, 600_000);

test('left out: no resource, no rule, no image, no process, no network, no cost, and an empty address', () => {
  expect(absent.stackLines).toEqual([]);
  expect(absent.costLines).toEqual([]);
  expect(absent.composeServices).not.toContain('echo');
  expect(absent.composeNetworks).toEqual([]);
  expect(absent.composeUrl).toBeUndefined();
  expect(absent.localTiers).not.toContain('echo');
  expect(absent.localUrl).toBeUndefined();
  expect(absent.read).toBe('');
});

test('placed: it runs everywhere, and its callers know where', () => {
  for (const part of [
    'bulkhead-test-echo-ecs',
    'aws_ecr_repository.images_echo',
    'chat to echo',
    'internal to echo',
    ':8007/v1',
  ])
    expect(placed.stackLines.join('\n')).toContain(part);
  expect(placed.costLines.join('\n')).toContain('0.25 vCPU');
  expect(placed.composeServices).toContain('echo');
  expect(placed.composeNetworks).toEqual(['chat-echo']);
  expect(placed.composeUrl).toBe('http://echo:8007/v1');
  expect(placed.localTiers).toContain('echo');
  expect(placed.localUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1$/);
  expect(placed.read).toBe(placed.localUrl);
});
