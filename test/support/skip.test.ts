/** What a run says about tests that cannot run here: skipped with their reason, failed in CI, where they are named; never passed. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

const cwd = join(import.meta.dirname, '../..');

async function run(env: Record<string, string>) {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--testMatch', '**/test/support/skip-sample.ts'],
    { cwd, reject: false, env: { CI: 'false', ...env } },
  );
  return { exitCode, lines: stdout.trimEnd().split('\n'), stderr };
}

const why = '(not run: no unicorn: apt-get install unicorn)';

test('they are skipped, and the run says which and why', async () => {
  const { exitCode, lines } = await run({});
  expect(lines).toEqual([
    `skipped: rides it ${why}`,
    `skipped: rides it 1 times ${why}`,
    `skipped: rides it 2 times ${why}`,
    '1 passed, 0 failed, 3 skipped',
  ]);
  expect(exitCode).toBe(0);
});

test('a file that has no others starts nothing, and nothing has passed', async () => {
  const { exitCode, lines } = await run({ SAMPLE: 'all' });
  expect([lines.length, lines.at(-1)]).toEqual([4, '0 passed, 0 failed, 3 skipped']);
  expect(exitCode).toBe(0);
});

test('in CI they fail: everything is installed there', async () => {
  const { exitCode, lines, stderr } = await run({ CI: 'true' });
  const file = 'failed: test/support/skip-sample.ts: rides it';
  expect(lines).toEqual([file, `${file} 1 times`, `${file} 2 times`, '1 passed, 3 failed']);
  expect(stderr).toContain('cannot run: no unicorn: apt-get install unicorn');
  expect(exitCode).toBe(1);
});
