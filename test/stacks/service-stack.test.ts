import { describe, expect, test } from '@jest/globals';
import { resolveEnvironment } from '../../environments/environment.ts';
import { routeTable } from '../../services/route-table.ts';
import { onAws } from '../../stacks/on-aws.ts';
import { egressPorts } from '../../stacks/service-stack.ts';
import { sample } from '../environments/sample.ts';
import { ofType, one, type StackJson, synthesized } from './synthesized.ts';

const stack = synthesized(sample()).service;
const containers = (of: StackJson, tier: string) =>
  JSON.parse(one(of, 'aws_ecs_task_definition', `${tier}_`).container_definitions as string) as {
    environment: { name: string; value: string }[];
    secrets: { name: string; valueFrom: string }[];
  }[];
const environment = (of: StackJson, tier: string) =>
  Object.fromEntries((containers(of, tier)[0]?.environment ?? []).map(({ name, value }) => [name, value]));

describe('the public balancer', () => {
  test('speaks TLS 1.2 and up, and sends plain http there', () => {
    expect(one(stack, 'aws_lb_listener', 'public_https')).toMatchObject({
      port: 443,
      protocol: 'HTTPS',
      ssl_policy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
      default_action: [{ type: 'fixed-response', fixed_response: { status_code: '404' } }],
    });
    expect(one(stack, 'aws_lb_listener', 'public_http_').default_action).toMatchObject([
      { type: 'redirect', redirect: { protocol: 'HTTPS', status_code: 'HTTP_301' } },
    ]);
  });

  test('has the manifest’s routes in the manifest’s order', () => {
    const rules = Object.entries(ofType(stack, 'aws_lb_listener_rule'))
      .map(([id, { priority, condition }]) => ({
        priority: Number(priority),
        owner: id.split('_')[0],
        pattern: (condition as [{ path_pattern: { values: string[] } }])[0].path_pattern.values[0],
      }))
      .toSorted((a, b) => a.priority - b.priority);
    expect(rules.map(({ pattern, owner }) => [pattern, owner])).toEqual(routeTable);
  });

  test('holds a stream for a whole turn', () => {
    const idle = (turnTimeoutMs: number) =>
      one(
        synthesized(sample({ limits: { turnTimeoutMs, deregistrationDelayMs: 110_000, stopTimeoutMs: 120_000 } }))
          .service,
        'aws_lb',
        'public',
      ).idle_timeout;
    expect(idle(100_000)).toBe(130);
    expect(idle(10_000)).toBe(60);
  });

  test('is protected where the environment keeps its state', () => {
    expect(one(stack, 'aws_lb', 'public').enable_deletion_protection).toBe(true);
    expect(
      one(synthesized(sample({ aws: { ephemeral: true } })).service, 'aws_lb', 'public').enable_deletion_protection,
    ).toBe(false);
  });

  test('has its name in the zone, where there is one', () => {
    expect(ofType(stack, 'aws_route53_record')).toEqual({});
    const zoned = synthesized(sample({ aws: { hostedZoneId: 'Z1' } })).service;
    expect(one(zoned, 'aws_route53_record')).toMatchObject({ name: 'test.example.com', type: 'A' });
  });
});

describe('a tier’s settings', () => {
  test('are addresses and limits in plain text, secrets by reference', () => {
    expect(environment(stack, 'chat')).toEqual({
      AWS_REGION: 'us-east-1',
      CHAT_SLOTS: '32',
      ENVIRONMENT: 'test',
      HOST: '0.0.0.0',
      // Ten seconds more than the balancers.
      KEEP_ALIVE_TIMEOUT_MS: '140000',
      NODE_EXTRA_CA_CERTS: '/app/rds-ca.pem',
      // The heap of a budget of 512 MiB; the rest is for what V8 does not count.
      NODE_OPTIONS: '--max-old-space-size=307 --max-semi-space-size=16',
      PORT: '8003',
      PUBLIC_URL: 'https://test.example.com',
      STOP_TIMEOUT_MS: '120000',
      TENANT_REQUESTS_PER_SECOND: '37',
      TURN_TIMEOUT_MS: '100000',
      VECTORSTORE_URL: expect.stringMatching(/^http:\/\/\$\{aws_lb\.internal_balancer_\w+\.dns_name\}:8005$/),
    });
    expect(containers(stack, 'chat')[0]?.secrets.map(({ name }) => name)).toEqual([
      'AUTH_SECRET',
      'DATABASE_URL',
      'REDIS_URL',
      'SERVICE_TOKEN_PRIVATE_KEY',
    ]);
  });

  test('lead to the document store', () => {
    expect(environment(stack, 'vectorstore').DOCUMENT_STORE_URL).toMatch(/^s3:\/\/\$\{data\.terraform_remote_state/);
    expect(environment(stack, 'web')).not.toHaveProperty('DOCUMENT_STORE_URL');
  });

  test('name a model and the company sign-in where there are any', () => {
    const with_ = synthesized(
      sample({
        chatModel: { url: 'https://models.example.com/v1', model: 'm' },
        aws: { oidc: { issuer: 'https://login.example.com', clientId: 'c' } },
      }),
    ).service;
    expect(environment(with_, 'chat')).toMatchObject({
      MODEL_URL: 'https://models.example.com/v1',
      OIDC_CLIENT_ID: 'c',
    });
    expect(containers(with_, 'chat')[0]?.secrets.map(({ name }) => name)).toContain('MODEL_API_KEY');
    expect(containers(with_, 'api')[0]?.secrets.map(({ name }) => name)).toContain('OIDC_CLIENT_SECRET');
  });
});

test('several models and a reranker are settings of chat, their keys are references', () => {
  const models = [
    { name: 'small', url: 'https://models.example.com/v1', contextTokens: 128_000, key: 'example', fallback: 'own' },
    { name: 'own', url: 'http://models.example.net:11434/v1', contextTokens: 32_000 },
  ];
  const reranker = { url: 'https://rerank.example.org:8443/v2', model: 'r' };
  const given = sample({ models, reranker });
  const { service } = synthesized(given);
  expect(JSON.parse(environment(service, 'chat').MODELS as string)).toEqual(models);
  expect(environment(service, 'api').MODELS).toBe(environment(service, 'chat').MODELS);
  expect(environment(service, 'chat')).toMatchObject({ RERANK_URL: reranker.url, RERANK_MODEL: 'r' });
  expect(environment(service, 'chat')).not.toHaveProperty('MODEL_URL');
  const secrets = (name: 'chat' | 'api') => containers(service, name)[0]?.secrets.map((secret) => secret.name);
  expect(secrets('chat')).toEqual(expect.arrayContaining(['MODEL_API_KEYS', 'RERANK_API_KEY']));
  expect(secrets('chat')).not.toContain('MODEL_API_KEY');
  expect(secrets('api')?.filter((name) => /MODEL|RERANK/.test(name))).toEqual([]);
  const resolved = onAws(resolveEnvironment(given));
  expect(egressPorts(resolved, 'model')).toEqual([443, 11434]);
  expect(egressPorts(resolved, 'rerank')).toEqual([8443]);
  expect(egressPorts(onAws(resolveEnvironment(sample())), 'rerank')).toEqual([]);
});

test("a provider's parser is a setting of who reads and of who refuses uploads; its key is a reference", () => {
  const parser = { backend: 'docling', url: 'https://parser.example.org:5001', pagesPerMinute: 100 } as const;
  const given = sample({ parser });
  const { service } = synthesized(given);
  expect(environment(service, 'document-worker')).toMatchObject({
    PARSER_BACKEND: 'docling',
    PARSER_URL: parser.url,
    PARSER_PAGES_PER_REQUEST: '5',
    PARSER_PAGES_PER_MINUTE: '100',
  });
  expect(environment(service, 'api').PARSER_BACKEND).toBe('docling');
  expect(environment(service, 'api')).not.toHaveProperty('PARSER_URL');
  const secrets = (name: 'document-worker' | 'api') =>
    containers(service, name)[0]?.secrets.map((secret) => secret.name) ?? [];
  expect(secrets('document-worker')).toContain('PARSER_API_KEY');
  expect(secrets('api')).not.toContain('PARSER_API_KEY');
  expect(egressPorts(onAws(resolveEnvironment(given)), 'parser')).toEqual([5001]);
  expect(egressPorts(onAws(resolveEnvironment(sample())), 'parser')).toEqual([]);
});

test('webhooks are a way out of the document-worker to the ports that are named, and none without them', () => {
  const given = sample({ webhooks: { ports: [443, 8443], allowedNetworks: ['10.1.0.0/16'] } });
  const { service } = synthesized(given);
  for (const name of ['api', 'document-worker'] as const)
    expect(environment(service, name)).toMatchObject({
      WEBHOOK_PORTS: '443,8443',
      WEBHOOK_ALLOWED_NETWORKS: '10.1.0.0/16',
    });
  expect(environment(service, 'chat')).not.toHaveProperty('WEBHOOK_PORTS');
  expect(egressPorts(onAws(resolveEnvironment(given)), 'webhook')).toEqual([443, 8443]);
  expect(egressPorts(onAws(resolveEnvironment(sample())), 'webhook')).toEqual([]);
});

test('services start after the cluster may take their capacity, and go before it', () => {
  for (const service of Object.values(ofType(stack, 'aws_ecs_service')))
    expect((service.depends_on as string[])[0]).toBe('aws_ecs_cluster_capacity_providers.capacity');
});

test('ports of foreign endpoints come from their addresses', () => {
  const ports = (url: string) =>
    egressPorts(onAws(resolveEnvironment(sample({ chatModel: { url, model: 'm' } }))), 'model');
  expect(ports('https://models.example.com/v1')).toEqual([443]);
  expect(ports('http://models.example.com/v1')).toEqual([80]);
  expect(ports('http://models.example.com:11434/v1')).toEqual([11434]);
  expect(egressPorts(onAws(resolveEnvironment(sample())), 'embedding')).toEqual([]);
});

test('the dashboard names no platform, so a swap leaves it', () => {
  const body = String(one(stack, 'aws_cloudwatch_dashboard').dashboard_body);
  expect(JSON.parse(body)).toHaveProperty('widgets');
  expect(body).not.toMatch(/TargetGroup|ClusterName|AutoScalingGroup/);
});

test('outputs name the dashboard and the logs of each tier', () => {
  const output = (name: string) => stack.output?.[name]?.value;
  const { dashboard_name } = one(stack, 'aws_cloudwatch_dashboard');
  expect(output('dashboard')).toBe(
    `https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/${dashboard_name}`,
  );
  const groups = Object.values(ofType(stack, 'aws_cloudwatch_log_group')).map(({ name }) => String(name));
  expect(output('shell')).toMatch(/ssm start-session .*tag:Environment,Values=\S+ Name=tag:Tier,Values=TIER /);
  const logs = Object.values(output('logs') as Record<string, string>);
  expect(logs.map((command) => command.split(' ')[3]).toSorted()).toEqual(groups.toSorted());
});
