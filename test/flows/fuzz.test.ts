/**
 * The public API fuzzed from its own description, through the router, against the real processes. A short run always; a
 * long one with `FUZZ_SECONDS=1200`; another one with `FUZZ_SEED=7`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { turnEvents } from '../../services/shared/contract/chat.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { testWith } from '../support/skip.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';

const inVenv = join(import.meta.dirname, '../../.venv/bin/schemathesis');
const program = existsSync(inVenv) ? inVenv : 'schemathesis';
const lacks = ((): string | null => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'schemathesis is not installed: python3 -m venv .venv && .venv/bin/pip install -r test/requirements.txt';
  }
})();

const seed = Number(process.env.FUZZ_SEED ?? 1);
/** Of all phases together. */
const seconds = Number(process.env.FUZZ_SECONDS ?? 80);
/** Per operation and phase. */
const examples = seconds > 80 ? 200 : 10;

/** What every answer must be: no fault of ours, and what the description says. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
];

/**
 * Streams that nobody ends, what would take the run's own credentials or tenant away, and MCP, whose answers are
 * JSON-RPC's and not this description's (mcp.test.ts speaks to it with the SDK's own client).
 */
const excluded = ['events', 'setPassword', 'switchTenant', 'mcp'];

let flow: Flow;
beforeAll(async () => {
  if (lacks === null) flow = await openFlow();
}, startTimeoutMs);
afterAll(() => flow?.close(), startTimeoutMs);

type Description = {
  paths: Record<
    string,
    Record<
      string,
      {
        operationId: string;
        parameters?: { name: string; in: string; schema: unknown }[];
        responses: Record<string, { content?: Record<string, { schema: unknown }> }>;
      }
    >
  >;
};

/** Ids that exist, by the name of their parameter. The first is read and changed, the second may also be deleted. */
async function seedTenant(): Promise<Record<string, readonly [kept: string, lost: string]>> {
  const { owner } = flow;
  const make = async () => {
    const brain = (await owner.call(routes.createBrain, { body: { name: 'Harbour' } })).id;
    const path = join(flow.folder, `${brain}.md`);
    await writeFile(path, `# ${brain}\n\nThe lighthouse was built in 1871.\n\nThe harbour master is Ingrid Solberg.`);
    const { id: job, document_id: document } = await owner.ingest(brain, path);
    expect(await owner.finished(job)).toMatchObject({ status: 'succeeded' });
    const { conversation, events } = await owner.ask(brain, 'When was the lighthouse built?');
    const turn = (events[0] as { data: { id: string } }).data.id;
    const key = (await owner.call(routes.createKey, { body: { name: 'k', scopes: ['chat'] } })).id;
    const role = 'viewer' as const;
    const member = (await owner.call(routes.addMember, { body: { email: `${brain}@example.com`, name: 'M', role } }))
      .id;
    const tenant = (await owner.call(routes.createTenant, { body: { name: 'Other' } })).id;
    return { brain, document: document as string, job, conversation, turn, key, member, tenant };
  };
  const [kept, lost] = [await make(), await make()];
  return Object.fromEntries(Object.entries(kept).map(([name, id]) => [name, [id, lost[name as keyof typeof lost]]]));
}

/** What an event of a stream holds; schemathesis holds a stream's schema against each event. */
const event = {
  type: 'object',
  properties: {
    event: { enum: Object.keys(turnEvents) },
    id: { type: 'string', pattern: '^[0-9]+$' },
    data: { type: 'string', pattern: '^\\{' },
  },
  required: ['event', 'id', 'data'],
};

/** schemathesis 4.32.5 writes `prefixItems` as a list of `items` and then refuses its own writing: told without places. */
const withoutTuples = (_name: string, value: unknown): unknown => {
  const { prefixItems, ...rest } = Object(value) as { prefixItems?: unknown };
  return prefixItems ? { ...rest, items: { anyOf: prefixItems } } : value;
};

/** The api's own description; ids in paths are also those that exist. */
async function describeWith(ids: Record<string, readonly [string, string]>): Promise<Description> {
  const description = (await flow.owner.call(routes.openapi)) as unknown as Description;
  for (const operations of Object.values(description.paths))
    for (const [method, { parameters = [] }] of Object.entries(operations))
      for (const parameter of parameters) {
        const known = parameter.in === 'path' ? ids[parameter.name] : undefined;
        if (known) parameter.schema = { anyOf: [{ enum: [known[method === 'delete' ? 1 : 0]] }, parameter.schema] };
      }
  for (const name of ['/v1/chat/conversations/{conversation}/turns', '/v1/chat/turns/{turn}/events'])
    for (const { responses } of Object.values(description.paths[name] ?? {}))
      for (const { content } of Object.values(responses))
        if (content?.['text/event-stream']) content['text/event-stream'].schema = event;
  return JSON.parse(JSON.stringify(description, withoutTuples));
}

/** Each on a third of the time: one that has more to try on a slow machine stops there, and the next still runs. */
const phases = ['examples,coverage', 'fuzzing', 'stateful'];

async function fuzz(file: string, phase: string): Promise<string> {
  const child = spawn(
    program,
    [
      ...['run', file, '--url', flow.deployment.url, '--header', `cookie: ${flow.owner.cookie}`],
      ...['--header', `origin: ${flow.deployment.url}`, '--phases', phase],
      ...['--seed', String(seed), '--max-examples', String(examples), '--max-time', String(Math.ceil(seconds / 3))],
      ...['--checks', checks.join(','), ...excluded.flatMap((id) => ['--exclude-operation-id', id])],
      ...['--request-timeout', '45', '--generation-database', 'none', '--warnings', 'off', '--no-color'],
      ...['--continue-on-failure', '--suppress-health-check', 'all'],
    ],
    { cwd: flow.folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [said, faults, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  console.info(`${phase}, seed ${seed}\n${said.slice(said.lastIndexOf('= SUMMARY ='))}`);
  return code === 0 ? '' : `${said}\n${faults}`;
}

const test = testWith(lacks);
describe('schemathesis', () => {
  test(
    'finds no server error and no answer that the description does not allow',
    async () => {
      const file = join(flow.folder, 'openapi.json');
      await writeFile(file, JSON.stringify(await describeWith(await seedTenant())));
      const found: string[] = [];
      for (const phase of phases) found.push(await fuzz(file, phase));
      expect(found.join('')).toBe('');
    },
    (seconds + 500) * 1000,
  );

  test('what tells operators about a service is not public', async () => {
    for (const path of ['/metrics', '/livez', '/readyz'])
      expect([path, (await fetch(`${flow.deployment.url}${path}`)).status]).toEqual([path, 404]);
  }, 60_000);
});
