/** The way of a question, from the session to the last event of its answer, before the first person takes it. */
import { uuidv7 } from 'uuidv7';
import { searchAnswer } from '../shared/contract/vectorstore.ts';
import type { App } from '../shared/http/http.ts';
import type { EmbeddingSettings } from '../shared/models/embedding.ts';
import type { Database } from '../shared/postgres/database.ts';
import { rounds, selfRequest } from '../shared/warm-up/self-request.ts';
import {
  type SyntheticTenant,
  type SyntheticTenantSettings,
  withSyntheticTenant,
} from '../shared/warm-up/synthetic-tenant.ts';
import { createAnswerer } from './answering/answerer.ts';
import { quoteCitation } from './answering/citations.ts';
import { extract } from './answering/extractive.ts';
import { type Passage, toPassages } from './answering/passages.ts';
import { documentNames, unembedded } from './answering/retrieval.ts';
import { type LanguageModel, stubModelName } from './models/model.ts';
import { withStubModelServer } from './models/stub-model-server.ts';
import { newTokenUsage } from './turns/token-usage.ts';

export interface ChatWarmUp {
  readonly app: App;
  readonly db: Database;
  readonly settings: SyntheticTenantSettings & EmbeddingSettings;
  readonly model: LanguageModel | null;
}

const question = 'Is the first question as fast as the tenth?';
/** As many and as long as a search finds. */
const found = {
  hits: Array.from({ length: 16 }, () => ({
    id: 'warm',
    document_id: uuidv7(),
    page_number: 1,
    start: 0,
    end: 620,
    text: 'Ready means warm. The first question is as fast as the tenth. '.repeat(10),
    score: 0.03,
    similarity: 0.5,
  })),
};

export async function warmUp({ app, db, settings, model }: ChatWarmUp): Promise<void> {
  const run = async ({ tenantId, personId, brainId, headers }: SyntheticTenant) => {
    // The synthetic tenant's brain is empty: what is done with passages is done here.
    let passages: Passage[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const { hits } = searchAnswer.parse(found);
      const ids = hits.map(({ document_id }) => document_id);
      await documentNames(db, tenantId, brainId, ids);
      passages = toPassages(hits, new Map(ids.map((id) => [id, 'SyntheticTenant'])));
      const { quotes } = extract(question, passages);
      for (const [index, quote] of quotes.entries()) quoteCitation(index + 1, quote);
    }
    await selfRequest(app, { path: `/v1/chat/conversations?brain_id=${brainId}`, headers });
    const turns = async () => {
      // A remote embedding would bill every start.
      if (settings.EMBEDDING_URL) return;
      const id = uuidv7();
      await db
        .insertInto('conversations')
        .values({ id, tenant_id: tenantId, brain_id: brainId, person_id: personId, title: '' })
        .execute();
      await selfRequest(app, { path: `/v1/chat/conversations/${id}/turns`, headers, body: { question } });
    };
    if (!model) return turns();
    await withStubModelServer((url) =>
      model.useStub(url, async () => {
        await answers(model, passages);
        await turns();
      }),
    );
  };
  await withSyntheticTenant(db, settings, run, model ? stubModelName : undefined);
}

/** From passages, which the synthetic tenant's turns have none of. */
async function answers(model: LanguageModel, passages: readonly Passage[]): Promise<void> {
  const answerer = createAnswerer({ find: async () => [...passages] }, model, []);
  const own = { model: stubModelName, instructions: '', ...unembedded };
  const asked = { tenantId: '', brainId: '', text: question, history: [], ...answerer.choose(own, null) };
  for (let round = 0; round < rounds; round += 1)
    for await (const _part of answerer.answer(asked, newTokenUsage(), AbortSignal.timeout(timeoutMs)));
}

/** The first one loads the client, at a fraction of a CPU; whatever takes longer hangs. */
const timeoutMs = 10_000;
