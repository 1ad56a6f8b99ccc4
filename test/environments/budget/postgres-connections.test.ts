import { expect, test } from '@jest/globals';
import { connectionsAsked, connectionsOf } from '../../../environments/budget/postgres-connections.ts';

test.each([
  ['db.t4g.micro', 112],
  ['db.t4g.medium', 450],
  ['db.m7g.large', 901],
  ['db.r7g.large', 1802],
  ['db.r7g.4xlarge', 5000],
  ['db.serverless', undefined],
])('%s takes %s connections', (instanceClass, connections) => {
  expect(connectionsOf(instanceClass)).toBe(connections);
});

test('only tiers that use PostgreSQL ask for any', () => {
  const most = (max: number) => [{ replicas: { max } }];
  expect(connectionsAsked({ web: most(9), api: most(2), chat: [...most(1), ...most(3)] })).toEqual({
    replicas: 6,
    each: 10,
  });
});
