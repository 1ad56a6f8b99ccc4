/** How long a caller waits for its `202` and for a poll, while one small text after another is taken and read. */
import { routes } from '../../../services/shared/contract/routes.ts';
import { Client } from '../../flows/client.ts';
import { openFlow } from '../../flows/deployment.ts';
import { quantiles } from '../load/probe.ts';
import { atMost, type Row, told } from '../report/rows.ts';

/** V8 compiles what runs often, and statements are planned for good. */
const warmUps = 20;
/** A poll passes the same gateway, sign-in and database: so many of them an upload may take, whatever the machine does. */
const pollsMax = 4;
/** Some ten are searchable in a second. */
const allFinishedMs = 300_000;
/** For ten seconds after the start its own first call counts as another tenant's, and this one would be told to slow down. */
const settings = { api: { TENANT_REQUESTS_PER_SECOND: '1000' } };

export async function acceptingRows(quick: boolean): Promise<Row[]> {
  const flow = await openFlow({ settings });
  try {
    const { owner } = flow;
    const stranger = new Client(owner.url);
    const brain = (await owner.call(routes.createBrain, { body: { name: 'Small' } })).id;
    const [acceptedMs, polledMs, refusedMs]: [number[], number[], number[]] = [[], [], []];
    const timed = async <Answer>(into: number[], act: () => Promise<Answer>): Promise<Answer> => {
      const start = performance.now();
      const answer = await act();
      into.push(performance.now() - start);
      return answer;
    };
    const ids: string[] = [];
    let startedAt = 0;
    for (let at = -warmUps; at < (quick ? 60 : 300); at += 1) {
      if (at === 0) {
        for (const times of [acceptedMs, polledMs, refusedMs]) times.length = 0;
        startedAt = performance.now();
      }
      const body = new FormData();
      body.append('file', new Blob([`Refunds of kind ${at} are paid within fourteen days.`]), `${at}.txt`);
      const accepted = await timed(acceptedMs, () => owner.send(routes.uploadDocument, { params: { brain }, body }));
      if (accepted.status !== 202) throw new Error(`${accepted.status} ${await accepted.text()}`);
      const { id } = routes.uploadDocument.responses[202].parse(await accepted.json());
      ids.push(id);
      await timed(polledMs, () => owner.call(routes.getJob, { params: { job: id } }));
      await timed(refusedMs, async () => (await stranger.send(routes.getJob, { params: { job: id } })).text());
    }
    for (const id of ids) await owner.finished(id, allFinishedMs);
    const perSecond = (1000 * (ids.length - warmUps)) / (performance.now() - startedAt);
    const [accepted, polled, refused] = [quantiles(acceptedMs), quantiles(polledMs), quantiles(refusedMs)];
    const name = 'until 202, one small text after another';
    return [
      told('goal 20', { row: 'A2', name: `${name}: p95`, value: accepted.p95Ms, unit: 'ms' }),
      told(null, { row: 'A2', name: `${name}: median`, value: accepted.p50Ms, unit: 'ms' }),
      told('goal 10', { row: 'A3', name: 'a poll meanwhile: p95', value: polled.p95Ms, unit: 'ms' }),
      told(null, { row: 'A3', name: 'a poll meanwhile: median', value: polled.p50Ms, unit: 'ms' }),
      // Client, gateway and api without a store: what of the above is the way, and the queue for a processor.
      told(null, { row: 'A3', name: 'a call without credentials meanwhile: p95', value: refused.p95Ms, unit: 'ms' }),
      told(null, { row: 'A3', name: 'a call without credentials meanwhile: median', value: refused.p50Ms, unit: 'ms' }),
      told(null, { row: 'A2', name: 'these texts searchable, until the last one is', value: perSecond, unit: 'per s' }),
      atMost(pollsMax, {
        row: 'A2',
        name: `${name}: median, of a poll's`,
        value: accepted.p50Ms / polled.p50Ms,
        unit: 'x',
      }),
    ];
  } finally {
    await flow.close();
  }
}
