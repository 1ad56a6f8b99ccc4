/** How long a caller waits for its `202` and for a poll, while one small text after another is taken and read. */
import { routes } from '../../../services/shared/contract/routes.ts';
import { openFlow } from '../../flows/deployment.ts';
import { quantiles } from '../load/probe.ts';
import { atMost, type Row, told } from '../report/rows.ts';

/** V8 compiles what runs often, and statements are planned for good. */
const warmUps = 20;
/** A poll passes the same gateway, sign-in and database: so many of them an upload may take, whatever the machine does. */
const pollsMax = 4;

export async function acceptingRows(quick: boolean): Promise<Row[]> {
  const flow = await openFlow();
  try {
    const { owner } = flow;
    const brain = (await owner.call(routes.createBrain, { body: { name: 'Small' } })).id;
    const [acceptedMs, polledMs]: [number[], number[]] = [[], []];
    const timed = async <Answer>(into: number[], act: () => Promise<Answer>): Promise<Answer> => {
      const start = performance.now();
      const answer = await act();
      into.push(performance.now() - start);
      return answer;
    };
    for (let at = -warmUps; at < (quick ? 60 : 300); at += 1) {
      if (at === 0) for (const times of [acceptedMs, polledMs]) times.length = 0;
      const body = new FormData();
      body.append('file', new Blob([`Refunds of kind ${at} are paid within fourteen days.`]), `${at}.txt`);
      const accepted = await timed(acceptedMs, () => owner.send(routes.uploadDocument, { params: { brain }, body }));
      if (accepted.status !== 202) throw new Error(`${accepted.status} ${await accepted.text()}`);
      const { id } = routes.uploadDocument.responses[202].parse(await accepted.json());
      await timed(polledMs, () => owner.call(routes.getJob, { params: { job: id } }));
    }
    const [accepted, polled] = [quantiles(acceptedMs), quantiles(polledMs)];
    const name = 'until 202, one small text after another';
    return [
      told('goal 20', { row: 'A2', name: `${name}: p95`, value: accepted.p95Ms, unit: 'ms' }),
      told(null, { row: 'A2', name: `${name}: median`, value: accepted.p50Ms, unit: 'ms' }),
      told('goal 10', { row: 'A3', name: 'a poll meanwhile: p95', value: polled.p95Ms, unit: 'ms' }),
      told(null, { row: 'A3', name: 'a poll meanwhile: median', value: polled.p50Ms, unit: 'ms' }),
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
