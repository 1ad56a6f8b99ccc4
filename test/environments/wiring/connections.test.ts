import { describe, expect, test } from '@jest/globals';
import { calledServices, connections } from '../../../environments/wiring/connections.ts';
import { definitionsOf, serviceNames } from '../../../services/manifest.ts';

const words = (placed = serviceNames) =>
  connections(definitionsOf(placed)).map((edge) => {
    const from = 'from' in edge ? edge.from : 'public';
    return `${from} > ${'store' in edge ? edge.store : edge.to}`;
  });

describe('the matrix', () => {
  test('is what the manifest declares', () => {
    expect(words()).toEqual([
      'public > chat',
      'chat > vectorstore',
      'chat > embedding',
      'chat > governor',
      'chat > postgres',
      'chat > redis',
      'chat > model',
      'chat > embedding',
      'chat > rerank',
      'public > api',
      'api > postgres',
      'api > redis',
      'api > document-store',
      'api > identity-provider',
      'api > mail',
      'public > web',
      'document-worker > vectorstore',
      'document-worker > embedding',
      'document-worker > postgres',
      'document-worker > redis',
      'document-worker > document-store',
      'document-worker > embedding',
      'document-worker > parser',
      'document-worker > webhook',
      'vectorstore > postgres',
      'vectorstore > document-store',
      'governor > redis',
      'governor > model',
    ]);
  });

  test('has a port on the internal balancer for each called tier alone', () => {
    expect(calledServices(connections(definitionsOf(serviceNames)))).toEqual(['vectorstore', 'embedding', 'governor']);
  });

  test('cannot leave out a tier that another calls', () => {
    expect(() => words(serviceNames.filter((name) => name !== 'vectorstore'))).toThrow(
      "tier 'chat' calls 'vectorstore', which this environment does not place: add tiers.vectorstore",
    );
  });
});
