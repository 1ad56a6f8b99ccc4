/** The dashboard and the rules are what the list of metrics says, and every query is one that Prometheus reads. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parser } from '@prometheus-io/lezer-promql';
import { Registry } from 'prom-client';
import { parse } from 'yaml';
import { createDurations } from '../../services/shared/figures/durations.ts';
import { publishFigures } from '../../services/shared/figures/publish-figures.ts';
import { createLogger } from '../../services/shared/log.ts';
import { dashboard, dashboardPath, rules, rulesPath } from './monitoring.ts';

test('docs/monitoring/grafana-dashboard.json and docs/monitoring/prometheus-rules.yaml say what the sources say; else: npm run docs', () => {
  expect(readFileSync(dashboardPath, 'utf8')).toBe(dashboard());
  expect(readFileSync(rulesPath, 'utf8')).toBe(rules());
});

const expressions = [
  ...JSON.parse(dashboard()).panels.flatMap(({ targets }: { targets: { expr: string }[] }) => targets),
  ...parse(rules()).groups.flatMap(({ rules }: { rules: { expr: string }[] }) => rules),
].map(({ expr }: { expr: string }) => expr);

/** Names of the metrics in it. @throws Error where it is no PromQL */
function namesIn(expression: string): string[] {
  const names: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ type, name, from, to }) => {
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expression}`);
      if (name === 'Identifier' && /[a-z]/.test(expression.slice(from, to))) names.push(expression.slice(from, to));
    },
  });
  return names;
}

/** What a replica of each tier tells at /metrics of the list. */
async function published(): Promise<string> {
  const registries = ['api', 'chat', 'governor', 'document-worker'].map(async (tier) => {
    const registry = new Registry();
    const durations = { firstToken: createDurations(), fullAnswer: createDurations() };
    const figures = {
      ...Object.fromEntries(
        ['slots', 'slotsInUse', 'yields', 'pagesGrantedAndWaiting', 'dayLimitUsed', 'pagesRead', 'requests'].map(
          (key) => [key, () => 1],
        ),
      ),
      modelSlots: () => ({ big: 8 }),
      modelSlotsInUse: () => ({ big: 1 }),
      ...durations,
    };
    const settings = { ENVIRONMENT: 'local', REPLICA: 'a', VERSION: '1' };
    const options = { registry, log: createLogger('test', { level: 'silent' }), tier, settings, figures };
    const stop = publishFigures(options as unknown as Parameters<typeof publishFigures<'chat'>>[0]);
    const text = await registry.metrics();
    await stop();
    return text;
  });
  return (await Promise.all(registries)).join('\n');
}

test('every query is PromQL and names what replicas publish', async () => {
  const text = await published();
  expect(expressions.length).toBeGreaterThan(20);
  // health.ts tells it where a service has dependencies.
  for (const name of new Set(expressions.flatMap(namesIn)))
    if (name !== 'dependency_up') expect(text).toMatch(new RegExp(`^${name}[ {]`, 'm'));
  expect(() => namesIn('sum by (tier (up)')).toThrow('no PromQL');
});
