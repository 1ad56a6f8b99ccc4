/** Lists that change while they are fetched. */
import { afterEach, expect, test } from '@jest/globals';
import { QueryClient } from '@tanstack/react-query';
import fc from 'fast-check';
import { applyEvents } from '../../../../services/web/ui/data/apply-events.ts';
import { keys } from '../../../../services/web/ui/data/keys.ts';
import { fetchList } from '../../../../services/web/ui/data/lists.ts';
import { sampleDocument } from '../fixture/samples.ts';

type Document = ReturnType<typeof sampleDocument>;
const first = sampleDocument(1, 'first.pdf');
const queryKey = keys.documents(first.brain_id);

const client = new QueryClient();
afterEach(() => client.clear());

test('whenever the server reads a list, the list ends as its events tell', async () => {
  const documents = [first, sampleDocument(2, 'second.pdf'), sampleDocument(3, 'third.pdf')];
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('store' as const), at: fc.nat(2), name: fc.string() }),
      fc.record({ do: fc.constant('delete' as const), at: fc.nat(2) }),
      fc.record({ do: fc.constantFrom('ask' as const, 'read' as const, 'answer' as const) }),
    ),
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      client.clear();
      const stored = new Map<string, Document>();
      let onTheWay: { read?: Document[]; answer?: (items: Document[]) => void; done?: Promise<unknown> } = {};
      const answer = async () => {
        onTheWay.answer?.(onTheWay.read ?? [...stored.values()]);
        await onTheWay.done;
        onTheWay = {};
      };
      // The server's change and its event are one here: what differs is when the list was read and when it came.
      for (const step of all)
        if (step.do === 'store') {
          const document = { ...(documents[step.at] ?? first), name: step.name };
          stored.set(document.id, document);
          applyEvents(client, [{ event: 'document', data: document }]);
        } else if (step.do === 'delete') {
          const { id, brain_id } = documents[step.at] ?? first;
          stored.delete(id);
          applyEvents(client, [{ event: 'document.deleted', data: { id, brain_id } }]);
        } else if (step.do === 'answer') await answer();
        else if (step.do === 'read' && onTheWay.done) onTheWay.read ??= [...stored.values()];
        else if (step.do === 'ask' && !onTheWay.done) {
          const answered = new Promise<Document[]>((resolve) => {
            onTheWay.answer = resolve;
          });
          onTheWay.done = client.fetchQuery({ queryKey, queryFn: () => fetchList(queryKey, () => answered) });
        }
      await answer();
      const shown = client.getQueryData<Document[]>(queryKey);
      const sorted = (items: Iterable<Document>) => [...items].sort((a, b) => a.id.localeCompare(b.id));
      if (shown) expect(sorted(shown)).toEqual(sorted(stored.values()));
    }),
  );
});
