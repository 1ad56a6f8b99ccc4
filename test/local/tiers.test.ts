import { expect, test } from '@jest/globals';
import type { Placement } from '../../environments/environment.ts';
import { placedServices, placementsOf, resolveEnvironment } from '../../environments/environment.ts';
import { local } from '../../environments/local.ts';
import { missingPrograms, programs, serviceCommand, tierSettings } from '../../local/tiers.ts';
import { type ServiceName, serviceNames, services } from '../../services/manifest.ts';

const environment = resolveEnvironment(local);
const of = (name: ServiceName) => ({
  environment,
  name,
  placement: placementsOf(environment, name)[0] as Placement,
  run: { DATABASE_URL: 'postgresql://x', AUTH_SECRET: 'a', SERVICE_TOKEN_PRIVATE_KEY: 's', PORT: '1' },
  outer: {},
});

test('every tier gets what the manifest lists for it and nothing else', () => {
  for (const name of placedServices(environment)) {
    const taken: readonly string[] = services[name].settings;
    expect(Object.keys(tierSettings(of(name))).filter((key) => !taken.includes(key))).toEqual([]);
  }
  expect(tierSettings(of('web'))).toEqual({
    PORT: '1',
    ENVIRONMENT: 'local',
    STOP_TIMEOUT_MS: '140000',
    KEEP_ALIVE_TIMEOUT_MS: '140000',
  });
});

test('overrides beat the outer environment, which beats the run and the environment file', () => {
  const outer = { EMBEDDING_MODEL: 'outer', OIDC_ISSUER: 'https://outer', DATABASE_URL: 'not passed', PAGES_MAX: '7' };
  const settings = tierSettings({ ...of('api'), outer, overrides: { OIDC_ISSUER: 'https://over' } });
  expect(settings).toMatchObject({
    EMBEDDING_MODEL: 'outer',
    OIDC_ISSUER: 'https://over',
    DATABASE_URL: 'postgresql://x',
    PAGES_MAX: '5000',
  });
});

test('the limits of an account that is given outside reach whoever calls it', () => {
  const outer = {
    EMBEDDING_URL: 'https://embedding.test/v1',
    EMBEDDING_REQUESTS_PER_MINUTE: '60',
    EMBEDDING_TOKENS_PER_MINUTE: '1000',
    RERANK_URL: 'https://rerank.test/v1',
    RERANK_REQUESTS_PER_MINUTE: '30',
  };
  expect(tierSettings({ ...of('chat'), outer })).toMatchObject(outer);
});

test('a setting that the service does not read is refused with those it reads', () => {
  expect(() => tierSettings({ ...of('web'), overrides: { PAGES_MAX: '1' } })).toThrow(
    'web does not read PAGES_MAX; it reads: HOST, PORT, LOG_LEVEL, REPLICA, ENVIRONMENT, VERSION, STOP_TIMEOUT_MS',
  );
});

test('a tier is a Node process with a heap of its budget and an otherwise empty environment', () => {
  const outer = { PATH: '/bin', HOME: '/home/x', AWS_SECRET_ACCESS_KEY: 'k' };
  const { args, env } = serviceCommand(['main.ts', 'migrate'], { PORT: '1' }, ['--max-old-space-size=300'], outer);
  expect(args).toEqual([
    '--import',
    expect.stringMatching(/exit-with-parent\.ts$/),
    '--max-old-space-size=300',
    'main.ts',
    'migrate',
  ]);
  expect(env).toEqual({
    PATH: '/bin',
    HOME: '/home/x',
    PORT: '1',
    NODE_COMPILE_CACHE: expect.stringMatching(/node_modules\/\.cache\/node-compile-cache$/),
    NODE_ENV: 'production',
    NO_COLOR: '1',
    LIFELINE_OF: String(process.pid),
  });
});

test('a tier without a program is found before anything is started', () => {
  expect(missingPrograms({ ...programs, tier: (name) => [`/none/${name}`] }, serviceNames)).toEqual(serviceNames);
});
