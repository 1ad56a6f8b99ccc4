import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openSecrets } from '../../../local/stores/secrets.ts';
import { temporaryFolder } from '../stand-ins.ts';

test('secrets are made once, differ, and are readable by their owner alone', async () => {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'secrets.json');
  const first = await openSecrets(folder.path);
  const values = Object.values(first);
  expect(new Set(values).size).toBe(values.length);
  for (const [name, value] of Object.entries(first))
    if (name.endsWith('Key'))
      expect(value).toMatch(/^-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=]+-----END PRIVATE KEY-----$/);
    else expect(Buffer.from(value, 'base64url')).toHaveLength(32);
  await chmod(path, 0o644);
  expect(await openSecrets(folder.path)).toEqual(first);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  // One added by a later version joins those that are there.
  const { redis: _, ...older } = first;
  await writeFile(path, JSON.stringify(older));
  expect(await openSecrets(folder.path)).toMatchObject(older);
  await writeFile(path, '{');
  await expect(openSecrets(folder.path)).rejects.toThrow(
    `${path} is not valid JSON; restore it from a backup, or start on a new folder: npm start -- --data DIR`,
  );
  expect(await readFile(path, 'utf8')).toBe('{');
  await folder.remove();
});
