/** jest's globalTeardown: ends what services-server.ts started. */
export default async function teardown(): Promise<void> {
  await (globalThis as { stopTestServices?: () => Promise<void> }).stopTestServices?.();
}
