import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openSecrets } from '../../../local/stores/secrets.ts';
import { serviceNames } from '../../../services/manifest.ts';
import { temporaryFolder } from '../stand-ins.ts';

test('secrets are made once, differ, and are readable by their owner alone', async () => {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'secrets.json');
  const open = () => openSecrets(folder.path, serviceNames);
  const first = await open();
  const kept = JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
  const values = Object.values(kept);
  expect(new Set(values).size).toBe(values.length);
  // Names of folders that are in use: they do not change.
  expect(Object.keys(kept).toSorted()).toEqual(
    [
      ...['auth', 'database', 'databaseApi', 'databaseChat', 'databaseDocumentWorker', 'databaseVectorstore', 'redis'],
      ...['chatKey', 'documentWorkerKey'],
    ].toSorted(),
  );
  expect(first.databasePasswords).toEqual({
    api: kept.databaseApi,
    chat: kept.databaseChat,
    'document-worker': kept.databaseDocumentWorker,
    vectorstore: kept.databaseVectorstore,
  });
  expect(first.privateKeys).toEqual({ chat: kept.chatKey, 'document-worker': kept.documentWorkerKey });
  for (const [name, value] of Object.entries(kept))
    if (name.endsWith('Key'))
      expect(value).toMatch(/^-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=]+-----END PRIVATE KEY-----$/);
    else expect(Buffer.from(value, 'base64url')).toHaveLength(32);
  await chmod(path, 0o644);
  expect(await open()).toEqual(first);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  // One added by a later version joins those that are there.
  const { redis: _, ...older } = kept;
  await writeFile(path, JSON.stringify(older));
  await open();
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject(older);
  await writeFile(path, '{');
  await expect(open()).rejects.toThrow(
    `${path} is not valid JSON; restore it from a backup, or start on a new folder: npm start -- --data DIR`,
  );
  expect(await readFile(path, 'utf8')).toBe('{');
  await folder.remove();
});
