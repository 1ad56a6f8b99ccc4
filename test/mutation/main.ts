/**
 * `npm run mutate [-- SUBJECT...]`: changes the code that decides, one small change at a time, and sees whether its tests
 * notice. Each subject is held to 85 % by itself (stryker.config.json); README.md explains what survives. Takes minutes
 * per subject, so CI leaves it out.
 */
import { parseArgs } from 'node:util';
import { execa } from 'execa';

interface Subject {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

const pricing = (name: string, ...tests: readonly string[]): Subject => ({
  mutate: [`environments/pricing/${name}.ts`],
  tests: (tests.length > 0 ? tests : [name]).map((test) => `test/environments/pricing/${test}.test.ts`),
});

/** Data (the tables of prices and of billed resources) and what only prints are no decisions. */
export const subjects: Readonly<Record<string, Subject>> = {
  'page-ranges': {
    mutate: ['services/shared/scheduler/page-ranges.ts'],
    tests: ['test/services/shared/scheduler/page-ranges.test.ts'],
  },
  slots: {
    mutate: ['slots', 'share', 'hint'].map((name) => `services/shared/slots/${name}.ts`),
    tests: ['test/services/shared/slots/slots.test.ts', 'test/services/shared/slots/figures.test.ts'],
  },
  citations: {
    mutate: ['services/chat/answering/citations.ts'],
    tests: ['test/services/chat/answering/citations.test.ts', 'test/services/chat/answering/decisions.test.ts'],
  },
  'chunk-page': {
    mutate: ['services/document-worker/index/chunk-page.ts'],
    tests: ['test/services/document-worker/index/chunk-page.test.ts'],
  },
  budget: { mutate: ['environments/budget/budget.ts'], tests: ['test/environments/budget/budget.test.ts'] },
  prices: pricing('prices'),
  'tier-cost': pricing('tier-cost'),
  'shared-cost': pricing('shared-cost'),
  ceiling: pricing('ceiling'),
  alternatives: pricing('alternatives'),
  comparison: pricing('comparison'),
};

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const unknown = positionals.filter((name) => !(name in subjects));
  if (unknown.length > 0)
    throw new Error(`given ${unknown.join(', ')}; allowed: ${Object.keys(subjects).join(', ')}, or none for all`);
  const below: string[] = [];
  for (const [name, { mutate, tests }] of Object.entries(subjects)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const { exitCode } = await execa('stryker', ['run', '--mutate', mutate.join(',')], {
      preferLocal: true,
      reject: false,
      stdio: 'inherit',
      env: { MUTATION_TESTS: tests.join(',') },
    });
    if (exitCode !== 0) below.push(name);
  }
  console.log(below.length === 0 ? 'every subject is above its threshold' : `below: ${below.join(', ')}`);
  if (below.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
