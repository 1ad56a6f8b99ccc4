/**
 * `npm run docs`: a Grafana dashboard and Prometheus alert rules, from the one list of metrics (services/metrics.ts) and
 * the alarms of the manifest, which CloudWatch has as well.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { definitionOf, type ServiceName, serviceNames } from '../../services/manifest.ts';
import {
  leakShareOfBudgetPerHour,
  type Metric,
  memoryFullShare,
  metricKeys,
  metricOf,
  metrics,
  prometheusName,
  publishedBy,
} from '../../services/metrics.ts';

const docs = join(import.meta.dirname, '../../docs/monitoring');
export const dashboardPath = join(docs, 'grafana-dashboard.json');
export const rulesPath = join(docs, 'prometheus-rules.yaml');

const window = '[5m]';
const units: Readonly<Record<Metric['unit'], string>> = {
  count: 'short',
  bytes: 'bytes',
  'bytes per hour': 'bytes',
  cores: 'short',
  seconds: 's',
};

/** One panel a metric and, where its name holds the tier, a tier. */
function panelsOf(metric: Metric): { title: string; unit: string; queries: { expr: string; legend: string }[] }[] {
  const tiers = metric.prometheus.includes('{tier}') ? (metric.tiers as readonly string[]) : [''];
  return tiers.map((tier) => {
    const name = prometheusName(metric, tier);
    const title = tier ? `${tier}: ${metric.what}` : metric.what;
    return { title, unit: units[metric.unit], queries: queriesOf(metric, name) };
  });
}

function queriesOf(metric: Metric, name: string): { expr: string; legend: string }[] {
  const by = metric.label ?? (metric.tiers === 'every' ? 'tier' : undefined);
  const grouped = by ? ` by (${by})` : '';
  const legend = by ? `{{${by}}}` : name;
  if (metric.kind === 'duration')
    return [0.5, 0.95].map((share) => ({
      expr: `histogram_quantile(${share}, sum by (le) (rate(${name}_bucket${window})))`,
      legend: `p${share * 100}`,
    }));
  if (metric.kind === 'counter')
    return [{ expr: `60 * sum${grouped} (rate(${name}${window}))`, legend: `${legend} a minute` }];
  return [{ expr: `${metric.together}${grouped} (${name})`, legend }];
}

export function dashboard(): string {
  const panels = metricKeys.flatMap((key) => panelsOf(metricOf(key)));
  return `${JSON.stringify(
    {
      title: 'Bulkhead',
      uid: 'bulkhead',
      schemaVersion: 39,
      refresh: '30s',
      time: { from: 'now-24h', to: 'now' },
      templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
      panels: panels.map(({ title, unit, queries }, index) => ({
        id: index + 1,
        type: 'timeseries',
        title,
        datasource: { type: 'prometheus', uid: '$' + '{datasource}' },
        gridPos: { x: (index % 2) * 12, y: Math.floor(index / 2) * 8, w: 12, h: 8 },
        fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
        targets: queries.map(({ expr, legend }, place) => ({
          refId: String.fromCharCode(65 + place),
          expr,
          legendFormat: legend,
        })),
      })),
    },
    null,
    2,
  )}\n`;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly annotations: { readonly summary: string };
}

/** As the alarm of the same name on CloudWatch. @param minutes that it must hold */
const rule = (alert: string, expr: string, minutes: number, summary: string): Rule => ({
  alert,
  expr,
  for: `${minutes}m`,
  annotations: { summary },
});

const { errors, memory, memoryBudget, memoryGrowth } = metrics;
const budget = `(${memoryBudget.prometheus} > 0)`;
const everyTier: readonly Rule[] = [
  rule(
    'Errors',
    `sum by (tier) (increase(${errors.prometheus}${window})) > 5`,
    0,
    '{{ $labels.tier }} writes errors; read its log',
  ),
  rule(
    'Degraded',
    'min by (job, dependency) (dependency_up) < 1',
    5,
    '{{ $labels.dependency }} is away from {{ $labels.job }}',
  ),
  rule(
    'Memory',
    `${memory.prometheus} > ${memoryFullShare} * ${budget}`,
    15,
    'a replica of {{ $labels.tier }} is nearly out of memory; raise memoryMiB',
  ),
  rule(
    'Leak',
    `${memoryGrowth.prometheus} > ${leakShareOfBudgetPerHour} * ${budget} and deriv(${memory.prometheus}[6h]) > 0`,
    30,
    'memory of {{ $labels.tier }} grows without load, by a hundredth of its budget an hour: a leak; restart it, then find what keeps it',
  ),
];

/** The alarms that a service's definition declares. */
function declared(service: ServiceName): Rule[] {
  return (definitionOf(service).alarms ?? []).map(({ id, metric, statistic, above, periods = 3, description }) => {
    const key = metricKeys.find((one) => metricOf(one).cloudwatch === metric && publishedBy(metricOf(one), service));
    if (!key) throw new Error(`${service}: alarm '${id}' reads ${metric}, which services/metrics.ts does not list`);
    const over = statistic === 'Average' ? 'avg' : 'max';
    const expr = `${over} (${prometheusName(metricOf(key), service)})`;
    const bound =
      typeof above === 'number'
        ? `${above}`
        : `${above.percent / 100} * avg (${prometheusName(optionMetric(above.option), service)})`;
    return rule(`${nameOf(service)}${nameOf(id)}`, `${expr} > ${bound}`, periods * 5, description);
  });
}

/** The metric that tells the value of a tier's option. */
function optionMetric(option: string): Metric {
  if (option === 'slots') return metrics.slots;
  throw new Error(`no metric tells the option '${option}'; allowed: slots`);
}

const nameOf = (words: string) => words.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());

export function rules(): string {
  const all = [...everyTier, ...serviceNames.flatMap(declared)];
  return `# Generated by npm run docs.\n${stringify({ groups: [{ name: 'bulkhead', rules: all }] }, { lineWidth: 0 })}`;
}

if (import.meta.main) {
  writeFileSync(dashboardPath, dashboard());
  writeFileSync(rulesPath, rules());
}
