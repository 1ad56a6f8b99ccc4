/** The health check of every image: is the service inside ready? Exit code 0 means yes. Runs without a shell. */
const url = `http://127.0.0.1:${process.env.PORT}/readyz`;
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
