/**
 * Figures of the running service, once: what a service publishes as log lines (shared/figures/embedded-metrics.ts), at
 * `/metrics` and to the operations page; what scaling, alarms and dashboards read; what docs/monitoring/grafana-dashboard.json and
 * docs/monitoring/prometheus-rules.yaml are made of. A name that one side alone changes does not compile.
 */

export const metricNamespace = 'Bulkhead';

/** Dimensions of every metric, so that environments of one account do not mix. */
export const metricDimensions = (environment: string, tier: string) => ({ Environment: environment, Tier: tier });

/** Of each replica, sent to CloudWatch in one line a minute: a peak is seen, and SampleCount counts each of them. */
export const samplesPerMinute = 12;

export interface Metric {
  /** `gauge`: as it is now. `counter`: since the start. `duration`: a histogram. */
  readonly kind: 'gauge' | 'counter' | 'duration';
  readonly unit: 'count' | 'bytes' | 'bytes per hour' | 'cores' | 'seconds';
  /** Name at `/metrics`; `{tier}` stands for the tier's name. */
  readonly prometheus: string;
  /** Absent: not sent there, where each metric costs by the month. Of a counter: what came in a minute. */
  readonly cloudwatch?: string;
  /** Whose it is. `every`: of each tier, and read from the process itself. */
  readonly tiers: 'every' | readonly string[];
  /** Of replicas together. `max`: each of them publishes the same, or the highest one matters. */
  readonly together: 'sum' | 'max';
  /** What a figure is told for, when there are several: one for each model. */
  readonly label?: string;
  readonly what: string;
}

export const metrics = {
  slots: {
    kind: 'gauge',
    unit: 'count',
    prometheus: 'chat_slots',
    tiers: ['chat'],
    together: 'sum',
    what: 'Answers that this replica gives at a time',
  },
  slotsInUse: {
    kind: 'gauge',
    unit: 'count',
    prometheus: '{tier}_inflight',
    cloudwatch: 'SlotsInUse',
    tiers: ['chat', 'governor'],
    together: 'sum',
    what: 'Slots of this replica that are taken',
  },
  yields: {
    kind: 'counter',
    unit: 'count',
    prometheus: '{tier}_yielded_total',
    cloudwatch: 'YieldsPerMinute',
    tiers: ['chat', 'governor'],
    together: 'sum',
    what: 'Requests refused because no slot was free, since the start',
  },
  modelSlots: {
    kind: 'gauge',
    unit: 'count',
    prometheus: 'chat_model_slots',
    tiers: ['chat'],
    together: 'max',
    label: 'endpoint',
    what: 'Answers that the model endpoint gives all replicas at a time',
  },
  modelSlotsInUse: {
    kind: 'gauge',
    unit: 'count',
    prometheus: 'chat_model_inflight',
    tiers: ['chat'],
    together: 'max',
    label: 'endpoint',
    what: 'Of these, taken by all replicas',
  },
  firstToken: {
    kind: 'duration',
    unit: 'seconds',
    prometheus: 'chat_first_token_seconds',
    tiers: ['chat'],
    together: 'sum',
    what: 'From the question to the first token of its answer',
  },
  fullAnswer: {
    kind: 'duration',
    unit: 'seconds',
    prometheus: 'chat_answer_seconds',
    tiers: ['chat'],
    together: 'sum',
    what: 'From the question to the end of its answer',
  },
  pagesGrantedAndWaiting: {
    kind: 'gauge',
    unit: 'count',
    prometheus: 'pages_granted_and_waiting',
    cloudwatch: 'PagesGrantedAndWaiting',
    tiers: ['document-worker'],
    together: 'max',
    what: 'Pages of the whole environment that are granted or wait; every replica publishes the same number',
  },
  dayLimitUsed: {
    kind: 'gauge',
    unit: 'count',
    prometheus: 'day_limit_used_percent',
    cloudwatch: 'DayLimitUsedPercent',
    tiers: ['document-worker'],
    together: 'max',
    what: 'The most that is used of a limit of the environment for a day, in percent; every replica publishes the same',
  },
  pagesRead: {
    kind: 'counter',
    unit: 'count',
    prometheus: 'parser_pages_total',
    tiers: ['document-worker'],
    together: 'sum',
    what: 'Pages checkpointed by this worker since the start',
  },
  requests: {
    kind: 'counter',
    unit: 'count',
    prometheus: '{tier}_requests_total',
    tiers: ['api'],
    together: 'sum',
    what: 'Requests answered since the start, but for checks of health and metrics',
  },
  errors: {
    kind: 'counter',
    unit: 'count',
    prometheus: 'error_lines_total',
    tiers: 'every',
    together: 'sum',
    what: 'Error lines in the log since the start; refusals are none',
  },
  memory: {
    kind: 'gauge',
    unit: 'bytes',
    prometheus: 'replica_memory_bytes',
    cloudwatch: 'Memory',
    tiers: 'every',
    together: 'max',
    what: 'Resident memory of this replica, with its child processes',
  },
  memoryBudget: {
    kind: 'gauge',
    unit: 'bytes',
    prometheus: 'replica_memory_budget_bytes',
    tiers: 'every',
    together: 'max',
    what: 'What its container may use; 0: it has no limit',
  },
  memoryGrowth: {
    kind: 'gauge',
    unit: 'bytes per hour',
    prometheus: 'replica_memory_growth_bytes_per_hour',
    cloudwatch: 'MemoryGrowth',
    tiers: 'every',
    together: 'max',
    what: 'What memory grows by without more load, at least, over the last six hours; 0 until that is known',
  },
  cpu: {
    kind: 'gauge',
    unit: 'cores',
    prometheus: 'replica_cpu_cores',
    cloudwatch: 'Cpu',
    tiers: 'every',
    together: 'max',
    what: 'CPU that this replica uses, with its child processes',
  },
} as const satisfies Record<string, Metric>;

export type MetricKey = keyof typeof metrics;
export const metricKeys = Object.keys(metrics) as MetricKey[];

/** Any of them, with the fields that only some have. */
export const metricOf = (key: MetricKey): Metric => metrics[key];

/** @example prometheusName(metrics.slotsInUse, 'chat') -> 'chat_inflight' */
export const prometheusName = ({ prometheus }: Pick<Metric, 'prometheus'>, tier: string): string =>
  prometheus.replace('{tier}', tier.replaceAll('-', '_'));

export const publishedBy = ({ tiers }: Metric, tier: string): boolean => tiers === 'every' || tiers.includes(tier);

/** In CloudWatch. */
export const metricNames = {
  slotsInUse: metrics.slotsInUse.cloudwatch,
  yieldsPerMinute: metrics.yields.cloudwatch,
  pagesGrantedAndWaiting: metrics.pagesGrantedAndWaiting.cloudwatch,
  memory: metrics.memory.cloudwatch,
  memoryGrowth: metrics.memoryGrowth.cloudwatch,
  cpu: metrics.cpu.cloudwatch,
  dayLimitUsed: metrics.dayLimitUsed.cloudwatch,
} as const;

/** In CloudWatch, of every tier. */
export const everyTierMetrics = metricKeys.flatMap((key) => {
  const { tiers, cloudwatch } = metricOf(key);
  return tiers === 'every' && cloudwatch !== undefined ? [cloudwatch] : [];
});

/** Upper ends of what a duration is counted in, in seconds: from a cached word to the longest answer. */
export const durationBuckets = [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 100] as const;

/** Of a replica's budget: above it the next peak may kill it, and a person looks. */
export const memoryFullShare = 0.9;

/** Of a replica's budget an hour: what memory may grow by without load before a person is told. From half it is full in two days. */
export const leakShareOfBudgetPerHour = 0.01;
