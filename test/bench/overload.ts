/**
 * Overload: what a full governor does, and what becomes of those it refuses. The storm is also a picture, in the file that
 * OVERLOAD_SVG names. OVERLOAD_HEALTH_SECONDS: how long every slot is taken while health is asked for (30). HEPTAMINI names
 * a folder with heptamini's source, to measure it beside ours where there is Go. OVERLOAD_PARTS (flood,storm) names some.
 *
 * What chat does to the others, and the others to chat, is measured by isolation.ts.
 */
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fleet } from './overload/fleet.ts';
import { besideHeptamini, experiment, flood } from './overload/flood.ts';
import { healthWhileFull } from './overload/health.ts';
import { originalClient } from './overload/original-client.ts';
import { picture } from './overload/picture.ts';
import { type Course, policies, type StormSize, storm, stormRows } from './overload/storm.ts';
import type { Row } from './report/rows.ts';

export async function run({ quick }: { readonly quick: boolean }): Promise<Row[]> {
  const wanted = process.env.OVERLOAD_PARTS?.split(',');
  const part = async (name: string, measure: () => Promise<Row[]>) =>
    !wanted || wanted.includes(name) ? measure() : [];
  return [
    ...(await part('experiment', () => experiment(quick ? 500 : 10_000))),
    ...(await part('flood', () => flood(quick ? 1000 : 10_000, quick))),
    ...(await part('heptamini', () => besideHeptamini(quick ? 2 : 10))),
    ...(await part('client', originalClient)),
    ...(await part('fleet', () => fleet(quick ? 4 : 30))),
    ...(await part('health', () => healthWhileFull(quick ? 3 : Number(process.env.OVERLOAD_HEALTH_SECONDS ?? 30)))),
    ...(await part('storm', () => storms(quick))),
  ];
}

async function storms(quick: boolean): Promise<Row[]> {
  const size: StormSize = quick ? { clients: 100, slots: 10, jobMs: 100 } : { clients: 2000, slots: 20, jobMs: 200 };
  const courses: Course[] = [];
  for (const name of Object.keys(policies)) courses.push(await storm(name, size));
  const file = process.env.OVERLOAD_SVG ?? join(tmpdir(), 'bulkhead-overload.svg');
  const { clients, slots, jobMs } = size;
  await writeFile(file, picture(courses, `${clients} clients at once, ${slots} slots, jobs of ${jobMs} ms`));
  console.log(`the storm as a picture: ${file}`);
  return stormRows(courses, size, quick);
}
