/**
 * Figures that services publish as log lines (services/shared/embedded-metrics.ts), and that scaling, alarms and the
 * dashboard read. Both sides use these constants: a name that one side alone changes does not compile.
 */

export const metricNamespace = 'Bulkhead';

/** Dimensions of every metric, so that environments of one account do not mix. */
export const metricDimensions = (environment: string, tier: string) => ({ Environment: environment, Tier: tier });

export const metricNames = {
  /** chat and governor: slots of one replica that are taken; what chat scales on. */
  slotsInUse: 'SlotsInUse',
  /** chat and governor: requests that one replica refused in the last minute because no slot was free. */
  yieldsPerMinute: 'YieldsPerMinute',
  /** document-worker: pages of the whole environment that are granted or wait; every replica publishes the same number. */
  pagesGrantedAndWaiting: 'PagesGrantedAndWaiting',
} as const;

export type MetricName = (typeof metricNames)[keyof typeof metricNames];
