/**
 * Starts the governor: `node services/governor/main.ts`. As a tier it reads its settings; alone, options say the same:
 * `npm run governor -- --max-inflight 4 --backend http://localhost:11434/v1/chat/completions`.
 */
import { Command, Option } from 'commander';
import { readSettings } from '../shared/env.ts';
import { listen } from '../shared/http/http.ts';
import { createLogger } from '../shared/log.ts';
import { openRedis } from '../shared/redis.ts';
import { createGovernor } from './app.ts';

/** No Redis: the slots are of this process. */
const alone = 'memory:';

/** An option that is the setting `name`. GOVERNOR_TOKEN has none: a command line is read by everybody. */
const setting = (flags: string, name: string, what: string, fallback?: string) =>
  new Option(flags, what).env(name).default(fallback);
const limit = (flags: string, what: string) => new Option(flags, what).argParser(Number);

const options = new Command('npm run governor --')
  .addOption(
    setting(
      '--backend <url>',
      'GOVERNOR_BACKEND_URL',
      'inference endpoint: lines are posted to it; HTTP goes to its origin',
    ),
  )
  .addOption(setting('--max-inflight <n>', 'GOVERNOR_MAX_IN_FLIGHT', 'requests there at a time', '4'))
  .addOption(setting('--redis <url>', 'REDIS_URL', 'shares the slots with the other governors of this backend', alone))
  .addOption(setting('--host <address>', 'HOST', 'to listen on', '127.0.0.1'))
  .addOption(setting('--port <n>', 'PORT', 'to listen on', '7777'))
  .addOption(setting('--job-timeout-ms <n>', 'GOVERNOR_JOB_TIMEOUT_MS', 'longest answer', '300000'))
  .addOption(limit('--line-bytes-max <n>', 'longest line'))
  .addOption(limit('--idle-timeout-ms <n>', 'longest silence of a connection without a job'))
  .addOption(limit('--upload-timeout-ms <n>', 'longest time from a manifest to its last chunk'))
  .addOption(limit('--jobs-per-connection <n>', 'jobs of one connection at a time'))
  .parse()
  .opts();
const settings = readSettings('governor', {
  ...process.env,
  GOVERNOR_BACKEND_URL: options.backend,
  GOVERNOR_MAX_IN_FLIGHT: options.maxInflight,
  GOVERNOR_JOB_TIMEOUT_MS: options.jobTimeoutMs,
  REDIS_URL: options.redis,
  HOST: options.host,
  PORT: options.port,
});
if (!URL.canParse(settings.GOVERNOR_BACKEND_URL))
  throw new Error(
    `GOVERNOR_BACKEND_URL is '${settings.GOVERNOR_BACKEND_URL}', allowed is the URL of an inference endpoint: --backend`,
  );
const log = createLogger('governor', { level: settings.LOG_LEVEL, replica: settings.REPLICA });
const redis = settings.REDIS_URL === alone ? null : openRedis(settings.REDIS_URL, 'request', log);
const limits = Object.fromEntries(
  (['lineBytesMax', 'idleTimeoutMs', 'uploadTimeoutMs', 'jobsPerConnection'] as const)
    .filter((name) => options[name] !== undefined)
    .map((name) => [name, options[name]]),
);
const governor = await createGovernor({ settings, redis, log, limits });
await listen(governor.app, settings, async () => {
  await governor.close();
  redis?.disconnect();
});
