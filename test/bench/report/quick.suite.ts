/**
 * Every bench that needs no containers, small: fails when a claim breaks that does not depend on how busy the machine is.
 * Run by CI after the tests, one at a time.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

const benches = ['async', 'eta', 'ingest', 'overload', 'scheduling', 'search', 'slow-parser', 'synth'];
/** Each takes half a minute on two quiet CPUs. */
const timeoutMs = 600_000;

test.each(benches)(
  '%s',
  async (name) => {
    const { exitCode, all } = await execa('npm', ['run', '--silent', 'bench', '--', name, '--quick'], {
      cwd: fileURLToPath(new URL('../../../', import.meta.url)),
      all: true,
      reject: false,
      timeout: timeoutMs - 10_000,
      forceKillAfterDelay: 5000,
    });
    console.log(all);
    expect({ exitCode, ...(exitCode !== 0 && { all }) }).toEqual({ exitCode: 0 });
  },
  timeoutMs,
);
