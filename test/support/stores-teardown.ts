/** jest's globalTeardown: ends what stores-server.ts started. */
export default async function teardown(): Promise<void> {
  await (globalThis as { stopTestServices?: () => Promise<void> }).stopTestServices?.();
}
