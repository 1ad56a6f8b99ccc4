import { describe, expect, test } from '@jest/globals';
import { serviceNames, services } from '../../services/manifest.ts';
import { routeOwner } from '../../services/route-table.ts';

describe('the route table', () => {
  test.each([
    ['/v1/chat/conversations/1/turns', 'chat'],
    ['/v1/models', 'chat'],
    ['/v1/models/x', 'chat'],
    ['/v1/brains/1/search', 'chat'],
    ['/v1/brains/search', 'api'],
    ['/v1/brains/1/documents', 'api'],
    ['/v1/jobs/1', 'api'],
    ['/v1', 'web'],
    ['/', 'web'],
    ['/b/1/c/2', 'web'],
  ])('%s belongs to %s', (path, owner) => {
    expect(routeOwner(path)).toBe(owner);
  });
});

describe('every service', () => {
  test('has a port of its own', () => {
    expect(new Set(serviceNames.map((name) => services[name].port)).size).toBe(serviceNames.length);
  });

  test('takes the address of each service it calls and of each store it uses, and no other', () => {
    const needs: Record<string, string> = {
      postgres: 'DATABASE_URL',
      redis: 'REDIS_URL',
      'document-store': 'DOCUMENT_STORE_URL',
      vectorstore: 'VECTORSTORE_URL',
    };
    for (const name of serviceNames) {
      const { calls, uses, settings } = services[name];
      for (const [edge, setting] of Object.entries(needs)) {
        const declared = ([...calls, ...uses] as string[]).includes(edge);
        expect([name, edge, (settings as readonly string[]).includes(setting)]).toEqual([name, edge, declared]);
      }
    }
  });
});
