/** What a tier scales on: the same decision for a group of instances and a service of tasks. */
import { boundOf } from '../../environments/schema/bound.ts';
import { metricDimensions, metricNamespace } from '../../services/metrics.ts';
import type { PlatformProps } from './tier-props.ts';

/** CPU of a replica before another starts, in percent, where the definition names no metric. */
export const cpuTargetPercent = 60;

/** A metric or an expression over metrics, as target tracking takes them. */
export interface MetricQuery {
  readonly id: string;
  readonly label: string;
  readonly expression?: string;
  readonly metricStat?: {
    readonly metric: {
      readonly namespace: string;
      readonly metricName: string;
      readonly dimensions: { readonly name: string; readonly value: string }[];
    };
    readonly stat: string;
  };
  readonly returnData: boolean;
}

export type ScalingTarget = { readonly value: number } & (
  | { readonly cpu: true }
  | { readonly metrics: readonly MetricQuery[] }
);

/** Seconds before the next change, in and out: starting is cheap, stopping waits until a lull is no pause. */
export const cooldownSeconds = { out: 60, in: 300 } as const;

/** Undefined for a fixed count: min equal to max. */
export function scalingTarget({ service, definition, placement, context }: PlatformProps): ScalingTarget | undefined {
  const { min, max } = placement.replicas;
  if (min === max) return undefined;
  const { scaling } = definition;
  if (!scaling) return { value: cpuTargetPercent, cpu: true };
  const { metric, unit, of } = scaling;
  const value = Math.max(1, boundOf(scaling.perReplica, definition, placement));
  const query = (id: string, label: string, stat: string, returnData: boolean): MetricQuery => ({
    id,
    label,
    metricStat: {
      metric: {
        namespace: metricNamespace,
        metricName: metric,
        dimensions: Object.entries(metricDimensions(context.environment, service)).map(([name, value]) => ({
          name,
          value,
        })),
      },
      stat,
    },
    returnData,
  });
  if (of === 'replica') return { value, metrics: [query(unit, metric, 'Average', true)] };
  return {
    value,
    // Every replica publishes the same total once a minute, so the count of samples is the count of replicas.
    metrics: [
      query(unit, metric, 'Average', false),
      query('replicas', 'replicas', 'SampleCount', false),
      { id: 'share', label: `${unit} per replica`, expression: `${unit} / replicas`, returnData: true },
    ],
  };
}
