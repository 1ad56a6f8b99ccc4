/** What a tier scales on: the same decision for a group of instances and a service of tasks. */
import { boundOf } from '../../environments/schema/bound.ts';
import type { Placement } from '../../environments/schema/placement.ts';
import { metricDimensions, metricNamespace, samplesPerMinute } from '../../services/metrics.ts';
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
/** New instances count neither for nor against a change until then. */
export const vmWarmupSeconds = 60;
/** Of a HorizontalPodAutoscaler: one pod less in so long. */
export const podPeriodSeconds = 60;

/** When the platform changes a count, by a figure that is published once a minute. */
export interface ScalingRule {
  /** Figures in a row that ask for more, or for less. */
  readonly figures: { readonly out: number; readonly in: number };
  /** Less is asked for when all replicas together carry less than this share of what they should. */
  readonly inBelowShare: number;
  /** Since a change of the same direction; one of replicas in also waits for the last one out. */
  readonly cooldownSeconds: { readonly out: number; readonly in: number };
}

/**
 * The alarms that AWS makes of a target: three minutes above it, fifteen below nine tenths of it. So its workshop shows them of
 * a service of tasks (github.com/aws-samples/amazon-ecs-fargate-workshop-dev-ops-data site/content/ops/Lab3.md: above 30 % for
 * 3 of 3 minutes, below 27 % for 15 of 15); its guide says of the share that it is "usually more than 10% lower":
 * https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
 * A group of instances has an alarm of its own share: by CPU seven tenths where people show it. By a metric of one's own, as
 * the tiers have that are simulated, none was found, and it is taken to be as for tasks.
 */
const targetTracking = { figures: { out: 3, in: 15 }, inBelowShare: 0.9 } as const;

/** What the simulation plays: as each platform reads what is deployed here. */
export const scalingRules: Readonly<Record<Exclude<Placement['platform'], 'local'>, ScalingRule>> = {
  ecs: { ...targetTracking, cooldownSeconds },
  vm: { ...targetTracking, cooldownSeconds: { out: vmWarmupSeconds, in: 0 } },
  kubernetes: {
    // Its stabilization windows: of all figures in one the least counts for more, the most for less. It tolerates a tenth:
    // https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
    figures: { out: cooldownSeconds.out / 60 + 1, in: cooldownSeconds.in / 60 + 1 },
    inBelowShare: 0.9,
    cooldownSeconds: { out: 0, in: podPeriodSeconds },
  },
};

/** Undefined for a fixed count: min equal to max. */
export function scalingTarget({ service, definition, placement, context }: PlatformProps): ScalingTarget | undefined {
  const { min, max } = placement.replicas;
  if (min === max) return undefined;
  const { scaling } = definition;
  if (!scaling) return { value: cpuTargetPercent, cpu: true };
  const { metric, unit, of, refused } = scaling;
  const value = Math.max(1, boundOf(scaling.perReplica, definition, placement));
  const query = (id: string, metricName: string, stat: string): MetricQuery => ({
    id,
    label: id,
    metricStat: {
      metric: {
        namespace: metricNamespace,
        metricName,
        dimensions: Object.entries(metricDimensions(context.environment, service)).map(([name, value]) => ({
          name,
          value,
        })),
      },
      stat,
    },
    returnData: false,
  });
  const computed = (id: string, label: string, expression: string) => ({ id, label, expression, returnData: true });
  const figure = query(unit, metric, 'Average');
  if (of === 'replica')
    return {
      value,
      metrics: refused
        ? [
            figure,
            query('refused', refused.metric, 'Average'),
            computed('asked', `${unit} asked for`, `${unit} + ${refused.each} * refused`),
          ]
        : [{ ...figure, returnData: true }],
    };
  return {
    value,
    // Every replica publishes the same total, so often a minute: the count of samples tells how many replicas there are.
    metrics: [
      figure,
      query('samples', metric, 'SampleCount'),
      computed('share', `${unit} per replica`, `${unit} * ${samplesPerMinute} / samples`),
    ],
  };
}
