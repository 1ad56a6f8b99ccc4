/**
 * Every bench that needs no containers, small: fails when a claim breaks that does not depend on how busy the machine is.
 * Run by CI after the tests.
 */
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

/** Of a bench, or only of the parts that its variable names. */
interface Run {
  readonly bench: string;
  readonly parts?: string;
}

/** One line after the other. Those of one line run at once: what they claim is counted or played, however busy it is. */
const runs: readonly (readonly Run[])[] = [
  [{ bench: 'scheduling', parts: 'played' }, { bench: 'eta' }, { bench: 'search' }],
  [{ bench: 'scheduling', parts: 'meter,queue' }],
  [{ bench: 'slow-parser' }],
  [{ bench: 'async' }],
  [{ bench: 'ingest' }],
  [{ bench: 'overload' }],
  [{ bench: 'synth' }],
];
/** Each takes about a minute on two quiet CPUs. */
const timeoutMs = 600_000;

const nameOf = ({ bench, parts }: Run) => (parts ? `${bench} (${parts})` : bench);

test.each(runs.map((atOnce) => [atOnce.map(nameOf).join(', '), atOnce] as const))(
  '%s',
  async (_names, atOnce) => {
    const ended = await Promise.all(
      atOnce.map(async (run) => {
        const { exitCode, all } = await execa('npm', ['run', '--silent', 'bench', '--', run.bench, '--quick'], {
          cwd: fileURLToPath(new URL('../../../', import.meta.url)),
          // As a person starts it: without what `npm test` has compiled.
          env: { NODE_COMPILE_CACHE: undefined, ...(run.parts && { SCHEDULING_PARTS: run.parts }) },
          all: true,
          reject: false,
          timeout: timeoutMs - 10_000,
          forceKillAfterDelay: 5000,
        });
        console.log(all);
        return { name: nameOf(run), exitCode, ...(exitCode !== 0 && { all }) };
      }),
    );
    expect(ended).toEqual(atOnce.map((run) => ({ name: nameOf(run), exitCode: 0 })));
  },
  timeoutMs,
);
