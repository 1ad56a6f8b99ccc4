/** What a tier scales on: the same decision for a group of instances and a service of tasks. */
import {
  cpuTargetPercent,
  metricDimensions,
  metricNamespace,
  pagesGrantedAndWaiting,
  pagesPerReplica,
  slotsInUse,
  slotsPerReplica,
  slotsTargetPercent,
} from '../../environments/wiring/metrics.ts';
import type { PlatformProps } from './tier.ts';

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
export function scalingTarget({ service, placement, context }: PlatformProps): ScalingTarget | undefined {
  const { min, max } = placement.replicas;
  if (min === max) return undefined;
  const stat = (metricName: string, statistic: string) => ({
    metric: {
      namespace: metricNamespace,
      metricName,
      dimensions: Object.entries(metricDimensions(context.environment, service)).map(([name, value]) => ({
        name,
        value,
      })),
    },
    stat: statistic,
  });
  if (service === 'chat')
    return {
      value: Math.max(1, Math.floor((slotsPerReplica(placement.slots) * slotsTargetPercent) / 100)),
      metrics: [{ id: 'slots', label: slotsInUse, metricStat: stat(slotsInUse, 'Average'), returnData: true }],
    };
  if (service === 'document-worker')
    return {
      value: pagesPerReplica,
      // Every replica publishes the whole backlog once a minute, so the count of samples is the count of replicas.
      metrics: [
        {
          id: 'pages',
          label: pagesGrantedAndWaiting,
          metricStat: stat(pagesGrantedAndWaiting, 'Average'),
          returnData: false,
        },
        {
          id: 'replicas',
          label: 'replicas',
          metricStat: stat(pagesGrantedAndWaiting, 'SampleCount'),
          returnData: false,
        },
        { id: 'share', label: 'pages per replica', expression: 'pages / replicas', returnData: true },
      ],
    };
  return { value: cpuTargetPercent, cpu: true };
}
