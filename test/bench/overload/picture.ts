/** The storm as a picture: who is served when, and what was sent for it. */
import { chartSvg, colours, type Panel } from '../../../environments/capacity/chart.ts';
import type { Course } from './storm.ts';

const colour = (index: number) => colours[index % colours.length] as (typeof colours)[number];

export function picture(courses: readonly Course[], title: string): string {
  // A course that takes many times as long as the others leaves the picture: the legend says when it ends.
  const [longest = 0, second = longest] = courses.map(({ servedMs }) => servedMs.at(-1) ?? 0).toSorted((a, b) => b - a);
  const endMs = Math.min(longest, 1.5 * second);
  const step = [1, 2, 5, 10, 20, 30, 60].find((seconds) => endMs / 1000 / seconds <= 8) ?? 120;
  const xMarks = Array.from({ length: Math.floor(endMs / 1000 / step) + 1 }, (_, index) => ({
    x: index * step * 1000,
    label: `${index * step} s`,
  }));
  const panel = (name: string, logarithmic: boolean, timesOf: (course: Course) => readonly number[]): Panel => ({
    title: name,
    xMax: endMs,
    yMax: Math.max(...courses.map((course) => timesOf(course).length)),
    xMarks,
    logarithmic,
    series: courses.map((course, index) => ({
      colour: colour(index),
      points: counted(timesOf(course)).filter(([ms]) => ms <= endMs),
    })),
  });
  return chartSvg({
    title,
    panels: [
      panel('Clients served', false, ({ servedMs }) => servedMs),
      panel('Requests sent (logarithmic)', true, ({ sentMs }) => sentMs),
    ],
    legend: courses.map(({ name, sentMs, servedMs }, index) => ({
      colour: colour(index),
      text: `${name}: ${sentMs.length} requests, ${((servedMs.at(-1) ?? 0) / 1000).toFixed(1)} s`,
    })),
  });
}

/** How many until when; some hundred points say as much as all. */
function counted(times: readonly number[]): (readonly [number, number])[] {
  const every = Math.max(1, Math.floor(times.length / 300));
  const kept = times.flatMap((ms, count): (readonly [number, number])[] =>
    count % every === 0 || count === times.length - 1 ? [[ms, count + 1]] : [],
  );
  return [[0, 0], ...kept];
}
