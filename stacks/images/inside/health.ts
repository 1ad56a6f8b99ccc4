/**
 * The health check of every image: does the service inside still answer? Exit code 0 means yes. Runs without a shell.
 *
 * `/livez` and not `/readyz`: who asks this replaces the container, and a new one helps against a process that hangs, not
 * against a store that is away. Whether requests should be sent here is the balancer's question.
 */
const url = `http://127.0.0.1:${process.env.PORT}/livez`;
try {
  // Below the check's own timeout, so that the reason is written down and not just a kill.
  const response = await fetch(url, { signal: AbortSignal.timeout(4000) });
  if (!response.ok) console.log(`${url}: ${response.status} ${await response.text()}`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  const { cause, name } = error as Error & { cause?: { code?: string } };
  console.log(`${url}: ${cause?.code ?? name}`);
  process.exitCode = 1;
}
