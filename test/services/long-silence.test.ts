/** An answer may be silent for as long as chat and the governor wait for it: its connection is not cut before. */
import type { Server } from 'node:http';
import { expect, test } from '@jest/globals';
import { openChat } from './chat/fixture.ts';
import { startBackend, startGovernor } from './governor/fixture.ts';

/** More than any default. */
const longMs = 900_000;
/** After how much silence Node cuts a connection. */
const silenceMsOf = ({ http }: { readonly http: { readonly server: Server } }) => http.server.timeout;

test('the governor outlasts the longest answer of its backend', async () => {
  const backend = await startBackend();
  const governor = await startGovernor({ backend, jobTimeoutMs: longMs });
  const silenceMs = silenceMsOf(governor.app);
  await governor.stop();
  backend.close();
  expect(silenceMs).toBeGreaterThan(longMs);
});

test('chat outlasts the longest turn', async () => {
  const opened = await openChat({ settings: { TURN_TIMEOUT_MS: longMs } });
  const silenceMs = silenceMsOf(opened.chat.app);
  await opened.close();
  expect(silenceMs).toBeGreaterThan(longMs);
});
