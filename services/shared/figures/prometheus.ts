/** A figure of the list in metrics.ts at `/metrics`, read when that is asked. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { durationBuckets, type Metric, prometheusName } from '../../metrics.ts';
import type { Durations } from './durations.ts';
import type { Figure } from './figures.ts';

export function registerFigure(registry: Registry, tier: string, metric: Metric, figure: Figure): void {
  const named = { name: prometheusName(metric, tier), help: metric.what, registers: [registry] };
  if (typeof figure !== 'function') {
    registerDurations(named, figure);
    return;
  }
  // A figure of every tier has the same name everywhere.
  const own: Record<string, string> = metric.tiers === 'every' ? { tier } : {};
  const labelNames = [...Object.keys(own), ...(metric.label ? [metric.label] : [])];
  // Where it cannot be read, the last value stays.
  const read = async () => {
    try {
      return await figure();
    } catch {
      return undefined;
    }
  };
  if (metric.kind === 'counter')
    new Counter({
      ...named,
      labelNames,
      async collect() {
        const value = await read();
        if (typeof value !== 'number') return;
        this.reset();
        this.inc(own, value);
      },
    });
  else
    new Gauge({
      ...named,
      labelNames,
      async collect() {
        const value = await read();
        if (typeof value === 'number') this.set(own, value);
        else if (value)
          for (const [of, one] of Object.entries(value)) this.set({ ...own, [metric.label as string]: of }, one);
      },
    });
}

function registerDurations(named: { name: string; help: string; registers: Registry[] }, durations: Durations): void {
  const histogram = new Histogram({ ...named, buckets: [...durationBuckets] });
  durations.told((seconds) => histogram.observe(seconds));
}
