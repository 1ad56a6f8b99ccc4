/** What is uploaded, and when: made up, the same in every run. */
import { seeded } from '../../../environments/capacity/simulation/random.ts';

export interface Upload {
  readonly id: string;
  readonly tenantId: string;
  readonly pages: number;
  readonly atMs: number;
}

const upload = (id: string, tenantId: string, pages: number, atSeconds: number): Upload => ({
  id,
  tenantId,
  pages,
  atMs: Math.round(atSeconds * 1000),
});
const times = <One>(count: number, make: (index: number) => One): One[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Five documents of 2,000 pages, then twenty of one page and one of 150. */
export const behindHeavy = (): Upload[] => [
  ...times(5, (k) => upload(`heavy${k}`, `heavy${k}`, 2000, 0)),
  ...times(20, (k) => upload(`one${k}`, `light${k}`, 1, 60 + 97 * k)),
  upload('middle', 'middle', 150, 300),
];

/** 80 % of 1 to 10 pages, 15 % to 100, 3 % to 199, 2 % to 2,000. */
function sizeOf(random: () => number): number {
  const between = (first: number, last: number) => first + Math.floor(random() * (last - first + 1));
  const of = random();
  if (of < 0.8) return between(1, 10);
  if (of < 0.95) return between(11, 100);
  return of < 0.98 ? between(101, 199) : between(200, 2000);
}

/** One document that is read while nobody else comes, and ten minutes later sixty at once. */
export function burst(tenants: number): Upload[] {
  const random = seeded(5);
  return [
    upload('first', 'first', 20, 0),
    ...times(60, (k) => upload(`b${k}`, `t${Math.floor(random() * tenants)}`, sizeOf(random), 600)),
  ];
}

/** A day of such sizes; a few of 20 tenants upload most of it. */
export function day(seed: number, hours: number, load: number, pagesPerMinute: number): Upload[] {
  const random = seeded(seed);
  const meanPages = 0.8 * 5.5 + 0.15 * 55.5 + 0.03 * 150 + 0.02 * 1100;
  const perSecond = (load * pagesPerMinute) / 60 / meanPages;
  const uploads: Upload[] = [];
  for (let at = 0; ; ) {
    at -= Math.log(1 - random()) / perSecond;
    if (at > hours * 3600) return uploads;
    // A Pareto distribution of shape 1.
    const tenant = Math.min(19, Math.floor(1 / (1 - random())) - 1);
    uploads.push(upload(`d${uploads.length}`, `t${tenant}`, sizeOf(random), at));
  }
}

/** One document of 2,000 pages, and so many of 1 to 10 that they alone are nearly all that can be done. */
export function lightFlood(hours: number, pagesPerMinute: number): Upload[] {
  const random = seeded(3);
  const uploads = [upload('heavy', 'heavy', 2000, 0)];
  for (let at = 0; ; ) {
    at -= Math.log(1 - random()) / ((0.98 * pagesPerMinute) / 60 / 5.5);
    if (at > hours * 3600) return uploads;
    const pages = 1 + Math.floor(random() * 10);
    uploads.push(upload(`l${uploads.length}`, `t${Math.floor(random() * 10)}`, pages, at));
  }
}

/** One tenant's 3,000 documents of 10 pages, and ten minutes later one of another tenant. */
export const tenantFlood = (pages: number): Upload[] => [
  ...times(3000, (k) => upload(`f${k}`, 'flood', 10, 0)),
  upload('other', 'other', pages, 600),
];

/** Five documents of 200 pages and more, then ten of one page. */
export const slowHeavy = (): Upload[] => [
  ...times(5, (k) => upload(`heavy${k}`, `heavy${k}`, 250, 0)),
  ...times(10, (k) => upload(`one${k}`, `light${k}`, 1, 61 + 37 * k)),
];
