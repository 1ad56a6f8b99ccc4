/** heptamini's own client before our governor, unchanged: where HEPTAMINI names its source and there is Go. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { must, type Row, told } from '../report/rows.ts';
import { buildHeptamini, startEndpoint, startGovernor } from './servers.ts';

const jobMs = 300;
const jobs = 4;
/** Several chunks of theirs. */
const payloadBytes = 100_000;

export async function originalClient(): Promise<Row[]> {
  const row = (name: string, value: number) => ({
    row: 'C1',
    name: `heptamini's own client: ${name}`,
    value,
    unit: '',
  });
  const client = await buildHeptamini('heptaminic');
  if (!client) return [told('HEPTAMINI names the folder of its source', row('programs', 0))];
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-heptamini-jobs-'));
  const endpoint = await startEndpoint(jobMs);
  const governor = await startGovernor(1, endpoint.url);
  const run = async (...given: string[]) => {
    const { exitCode, stdout } = await execa(client, ['--addr', `127.0.0.1:${governor.port}`, ...given], {
      reject: false,
    });
    return { exitCode, stdout };
  };
  try {
    const idle = await run('--ping');
    const all = await Promise.all(
      Array.from({ length: jobs }, async (_, index) => {
        const file = join(folder, `${index}.bin`);
        await writeFile(file, randomBytes(payloadBytes));
        return run('--file', file, '--csv');
      }),
    );
    const done = all.filter(({ exitCode }) => exitCode === 0).length;
    const yields = all.reduce((sum, { stdout }) => sum + (stdout.match(/,yield,/g)?.length ?? 0), 0);
    return [
      must('0', idle.exitCode === 0, row('exit code of a ping', idle.exitCode ?? Number.NaN)),
      must(`${jobs}`, done === jobs, row(`jobs done, of ${jobs} at once at 1 slot`, done)),
      must('> 0', yields > 0, row('yields after which it came back', yields)),
    ];
  } finally {
    await governor.stop();
    endpoint.stop();
    await rm(folder, { recursive: true });
  }
}
