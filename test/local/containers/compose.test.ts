import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { bench } from '../../../environments/bench.ts';
import { dev } from '../../../environments/dev.ts';
import { placedServices, placementsOf, resolveEnvironment } from '../../../environments/environment.ts';
import { environments } from '../../../environments/index.ts';
import { local } from '../../../environments/local.ts';
import { composeOf } from '../../../local/containers/compose.ts';
import { sustainedCpus } from '../../../local/containers/cpus.ts';
import { writeCompose } from '../../../local/containers/files.ts';
import { renderCompose, renderEnv } from '../../../local/containers/render.ts';
import { serviceNames, services } from '../../../services/manifest.ts';

const environment = resolveEnvironment(dev);
const compose = composeOf(environment);
const networksOf = (name: string) => Object.keys(compose.services[name]?.networks ?? {});

describe('a compose file', () => {
  test('gives every tier its budget, and no more rights than the VM tier does', () => {
    for (const name of placedServices(environment)) {
      const [placement] = placementsOf(environment, name);
      expect(compose.services[name]).toMatchObject({
        cpus: placement?.vcpu,
        mem_limit: `${placement?.memoryMiB}m`,
        memswap_limit: `${placement?.memoryMiB}m`,
        pids_limit: 256,
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges'],
        stop_grace_period: '120s',
      });
    }
  });

  test('asks a tier nothing that could have it replaced: the image’s own health check is all there is', () => {
    for (const name of placedServices(environment)) {
      expect(compose.services[name]?.healthcheck).toBeUndefined();
      expect(compose.services[name]?.restart).toBe('unless-stopped');
    }
  });

  test('tells its gateway where people reach it, and keeps the https address of a proxy before it', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: compose's own reference
    expect(compose.services.gateway?.environment.PUBLIC_URL).toBe('${PUBLIC_URL}');
    const folder = await mkdtemp(join(tmpdir(), 'compose-'));
    const envPath = join(folder, '.env');
    const write = async () => {
      await writeCompose({ environment, folder, port: 8081 });
      return /^PUBLIC_URL=(.*)$/m.exec(await readFile(envPath, 'utf8'))?.[1];
    };
    expect(await write()).toBe('http://localhost:8081');
    await appendFile(envPath, 'PUBLIC_URL=https://bulkhead.example\n');
    expect(await write()).toBe('https://bulkhead.example');
    await rm(folder, { recursive: true });
  });

  test('lets the document-worker give way to all others, and what lasts to what somebody waits for', () => {
    const weights = Object.fromEntries(
      Object.entries(compose.services).map(([name, { cpu_shares }]) => [name, cpu_shares]),
    );
    const interactive = { postgres: 4096, redis: 4096, gateway: 4096, api: 4096, web: 4096, migrate: 4096 };
    expect(weights).toEqual({ ...interactive, chat: 1024, vectorstore: 1024, embedding: 1024, 'document-worker': 64 });
  });

  test('keeps tiers whose work lasts off the first CPU of the machine, where their budgets fit on the others', () => {
    const kept = serviceNames.filter((name) => compose.services[name]?.cpuset !== undefined);
    expect(kept).toEqual(['chat', 'document-worker', 'vectorstore', 'embedding']);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: compose's own reference
    expect(compose.services.chat?.cpuset).toBe('${SUSTAINED_CPUS}');
    // Chat 0.25, document-worker 0.25, vectorstore 0.5.
    const one = resolveEnvironment(bench);
    expect([1, 2, 4, 16].map((cpus) => sustainedCpus(one, cpus))).toEqual(['0', '1', '1-3', '1-15']);
    const three = resolveEnvironment({
      ...bench,
      tiers: { ...bench.tiers, 'document-worker': { platform: 'ecs', vcpu: 1, memoryMiB: 2048, replicas: 2 } },
    });
    expect([2, 3, 4].map((cpus) => sustainedCpus(three, cpus))).toEqual(['0-1', '0-2', '1-3']);
  });

  test('lets two services meet only where the manifest declares an edge', () => {
    const declared = (from: string, to: string): boolean => {
      const service = serviceNames.includes(from as never) ? services[from as keyof typeof services] : undefined;
      const targets: readonly string[] = service ? [...service.calls, ...service.uses] : [];
      return (
        targets.includes(to) || (from === 'gateway' && (services[to as keyof typeof services]?.routes.length ?? 0) > 0)
      );
    };
    const names = Object.keys(compose.services).filter((name) => name !== 'migrate');
    for (const one of names)
      for (const other of names.filter((name) => name !== one)) {
        const shared = networksOf(one).filter((network) => networksOf(other).includes(network));
        expect({ one, other, meet: shared.length > 0 }).toEqual({
          one,
          other,
          meet: declared(one, other) || declared(other, one),
        });
      }
  });

  test('leads out of the machine only where an endpoint is configured', () => {
    expect(Object.entries(compose.networks).filter(([, { internal }]) => !internal)).toEqual([
      ['public', { driver_opts: { isolate: 'true' } }],
    ]);
    expect(networksOf('gateway')).toContain('public');
    const withModel = resolveEnvironment({ ...dev, chatModel: { url: 'https://models.example.com/v1', model: 'm' } });
    const { services: parts, networks } = composeOf(withModel);
    expect(networks['chat-egress']).toEqual({ driver_opts: { isolate: 'true' } });
    expect(Object.keys(parts.chat?.networks ?? {})).toContain('chat-egress');
    expect(Object.keys(parts.api?.networks ?? {})).not.toContain('chat-egress');
    const reranked = resolveEnvironment({ ...dev, reranker: { url: 'https://rerank.example.com' } });
    expect(composeOf(reranked).networks).toHaveProperty('chat-egress');
  });

  test('holds no secret: they stand in the .env file', () => {
    const text = renderCompose(compose, environment);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: compose's own references
    expect(text).toContain('SERVICE_TOKEN_PRIVATE_KEY: ${CHAT_PRIVATE_KEY}');
    expect(text).not.toMatch(/[A-Za-z0-9_-]{40,}/);
  });

  test('a list of models in several lines passes through the .env file', () => {
    const models = [{ name: 'one', url: 'http://localhost:1/v1', contextTokens: 8000 }];
    const { MODELS, ...others } = parseEnv(renderEnv({ MODELS: JSON.stringify(models, null, 2), PORT: '1' }));
    expect([JSON.parse(MODELS as string), others]).toEqual([models, { PORT: '1' }]);
  });

  test('gives a service the settings that the manifest lists for it, and no other', () => {
    for (const name of placedServices(environment)) {
      const taken: readonly string[] = ['NODE_OPTIONS', ...services[name].settings];
      const given = Object.keys(compose.services[name]?.environment ?? {});
      expect({ name, foreign: given.filter((key) => !taken.includes(key)) }).toEqual({ name, foreign: [] });
    }
  });

  test('starts the tiers of the api only after its migrations', () => {
    expect(compose.services.migrate).toMatchObject({ command: ['node', 'main.js', 'migrate'], restart: 'on-failure' });
    expect(compose.services.chat?.depends_on).toEqual({ migrate: { condition: 'service_completed_successfully' } });
    expect(compose.services.web?.depends_on).toBeUndefined();
  });

  test('of several replicas makes one service each, under one name for their callers', () => {
    const two = resolveEnvironment({
      ...dev,
      tiers: { ...dev.tiers, vectorstore: { platform: 'ecs', vcpu: 0.25, memoryMiB: 1024, replicas: 2 } },
    });
    const { services: parts } = composeOf(two);
    expect(Object.keys(parts)).toEqual(expect.arrayContaining(['vectorstore-1', 'vectorstore-2']));
    expect(parts['vectorstore-2']?.networks['chat-vectorstore']).toEqual({ aliases: ['vectorstore'] });
    expect(parts.chat?.environment.VECTORSTORE_URL).toBe('http://vectorstore:8005');
  });

  test('says the same to readers of YAML 1.1 and 1.2', async () => {
    for (const input of [local, ...(await Promise.all(Object.values(environments).map((load) => load())))]) {
      const resolved = resolveEnvironment(input);
      const text = renderCompose(composeOf(resolved), resolved);
      expect(parse(text, { version: '1.1' })).toEqual(parse(text, { version: '1.2' }));
      expect(parse(text)).toEqual(JSON.parse(JSON.stringify(composeOf(resolved))));
    }
  });
});
