import { expect, test } from '@jest/globals';
import { capacityOf } from '../../../environments/capacity/model.ts';
import { checkPromise } from '../../../environments/capacity/promise.ts';
import { resolveEnvironment } from '../../../environments/environment.ts';
import { sample } from '../sample.ts';

const promising = (carries: object) => resolveEnvironment(sample({ carries }));
const carried = capacityOf(promising({})).carried;

test('a promise that is kept passes, as does none', () => {
  expect(() => checkPromise(resolveEnvironment(sample()))).not.toThrow();
  expect(() => checkPromise(promising({ pagesPerMinute: carried.pagesPerMinute, concurrentChats: 32 }))).not.toThrow();
});

test('one that is not names given, computed and the fewest more replicas', () => {
  expect(() => checkPromise(promising({ concurrentChats: 65, pagesPerMinute: carried.pagesPerMinute * 1.5 }))).toThrow(
    /carries\.concurrentChats: given 65, computed 32 \(chat slots, at most replicas\); nearest change that fits: chat: replicas at most 1 -> 3/,
  );
  expect(() => checkPromise(promising({ pagesPerMinute: carried.pagesPerMinute * 1.5 }))).toThrow(
    'nearest change that fits: document-worker: replicas at most 1 -> 2',
  );
});

test('what replicas cannot raise is said', () => {
  const parser = { backend: 'docling', url: 'https://parser.example.com', pagesPerMinute: 100 } as const;
  expect(() => checkPromise(resolveEnvironment(sample({ parser, carries: { pagesPerMinute: 200 } })))).toThrow(
    "computed 99 (the parser's account, at most replicas); no number of replicas fits: raise the parser's account, or promise less",
  );
});
