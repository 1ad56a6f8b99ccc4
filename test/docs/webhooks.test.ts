/** The receiver that docs/webhooks.md shows, run as it stands there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { attemptsMax, retryDelaysMs } from '../../services/document-worker/webhooks/schedule.ts';
import { send } from '../../services/document-worker/webhooks/send.ts';
import { webhookRules } from '../../services/shared/webhooks/addresses.ts';

const page = readFile(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');

test('the receiver of the page takes what is signed, once, and nothing else', async () => {
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(await page) ?? [];
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, 'close');
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const receiver = spawn(process.execPath, ['--input-type=module', '-'], {
    env: { WEBHOOK_SECRET: secret, PORT: String(port) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  receiver.stdin.end(example);
  const said = text(receiver.stdout);
  const rules = webhookRules({ WEBHOOK_PORTS: String(port), WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' });
  if (!rules) throw new Error('there are rules');
  const attempt = {
    id: 'an-id',
    url: `http://127.0.0.1:${port}/`,
    body: JSON.stringify({ type: 'document.ready', data: { document_id: 'a-document' } }),
    secrets: [secret],
  };
  try {
    for (const endMs = Date.now() + 30_000; ; await sleep(50)) {
      const { status } = await send(attempt, { rules });
      if (status === 204) break;
      if (Date.now() > endMs) throw new Error('the receiver does not come');
    }
    expect(await send(attempt, { rules })).toEqual({ status: 204, error: null });
    const stranger = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
    expect((await send({ ...attempt, id: 'other', secrets: [stranger] }, { rules })).status).toBe(400);
  } finally {
    receiver.kill();
  }
  expect(await said).toBe('document.ready a-document\n');
});

test('the page names the waits that there are', async () => {
  const words = retryDelaysMs.map((ms) =>
    ms < 60_000 ? `${ms / 1000} s` : ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`,
  );
  const flat = (await page).replaceAll(/\s+/g, ' ');
  expect(flat).toContain(`${words.slice(0, -1).join(', ')} and ${words.at(-1)}`);
  expect(attemptsMax).toBe(8);
});
