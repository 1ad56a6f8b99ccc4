import { describe, expect, test } from '@jest/globals';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startServices } from './stores.ts';

test('a bench that starts them ends with its own exit code', async () => {
  const program = `await import('./test/support/stores-server.ts'); process.exitCode = 3;`;
  const ended = execa('node', ['--input-type=module', '--eval', program], { preferLocal: true, reject: false });
  await expect(ended).resolves.toMatchObject({ exitCode: 3 });
});

describe('the services of a test file', () => {
  test('are migrated, empty and gone afterwards', async () => {
    const services = await startServices();
    const client = new pg.Client({ connectionString: services.databaseUrl });
    await client.connect();
    const { rows } = await client.query('select count(*)::int as people from people');
    expect(rows).toEqual([{ people: 0 }]);
    await client.query("select graphile_worker.add_job('nothing')");
    await client.end();
    await services.close();
    const late = new pg.Client({ connectionString: services.databaseUrl });
    await expect(late.connect()).rejects.toThrow('does not exist');
  });

  test('tell of connections that were left open', async () => {
    const services = await startServices();
    const client = new pg.Client({ connectionString: services.databaseUrl });
    client.on('error', () => {});
    await client.connect();
    await client.query('select 1 as forgotten');
    const redis = new Redis(services.redisUrl, { retryStrategy: () => null });
    redis.on('error', () => {});
    await redis.ping();
    const message = await services.close().then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    expect(message).toContain('select 1 as forgotten');
    expect(message).toContain('Redis connection');
  });
});
