/** Whether a governor says that it is well while every slot is taken and others ask all the time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { watchHealth } from '../load/health.ts';
import { quantiles } from '../load/probe.ts';
import { must, type Row, told } from '../report/rows.ts';
import { jobFrames, openMany } from './lines.ts';
import { startEndpoint, startGovernor } from './servers.ts';

const slots = 4;
const clients = 20;

export async function healthWhileFull(seconds: number): Promise<Row[]> {
  const jobMs = 2 * seconds * 1000 + 600_000;
  const endpoint = await startEndpoint(jobMs);
  const governor = await startGovernor(slots, endpoint.url, jobMs);
  try {
    const holders = await openMany(governor.port, slots);
    for (const [index, holder] of holders.entries()) {
      const { manifest, chunk } = jobFrames(`J_hold_${index}`);
      await holder.ask(manifest);
      void holder.ask(chunk);
    }
    const end = performance.now() + seconds * 1000;
    let yields = 0;
    let admitted = 0;
    const asking = (await openMany(governor.port, clients)).map(async (client, index) => {
      while (performance.now() < end) {
        if ((await client.ask(jobFrames(`J_${index}`).manifest)).status === 'yield') yields += 1;
        else admitted += 1;
        await sleep(20);
      }
      client.close();
    });
    const health = watchHealth(`http://127.0.0.1:${governor.port}`);
    await Promise.all(asking);
    const { timesMs, failed } = await health.stop();
    const row = (name: string, value: number, unit: string) => ({
      row: 'B11',
      name: `every slot taken for ${seconds} s: ${name}`,
      value,
      unit,
    });
    return [
      must(
        `0 of ${timesMs.length}`,
        failed === 0 && timesMs.length > 0,
        row('health checks that failed', failed, 'checks'),
      ),
      must('0', admitted === 0 && yields > 0, row('admitted beside them', admitted, 'jobs')),
      told(null, row('yields meanwhile', yields, 'jobs')),
      told(null, row('p99 of a health check', quantiles(timesMs).p99Ms, 'ms')),
    ];
  } finally {
    await governor.stop();
    endpoint.stop();
  }
}
